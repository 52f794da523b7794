using System.Reflection;
using System.Runtime.CompilerServices;

namespace Transports.Api.Tests;

/// <summary>Which room a type is in: users' types in one namespace, authors' in another, and each package's own in its own.</summary>
public sealed class RoomsTests
{
    public static TheoryData<string> Assemblies => PublicApiTests.Assemblies;

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Namespace_OfEachType_IsTheOneOfItsAudience(string assembly)
    {
        var types = Assembly.Load(assembly).GetTypes().Where(type => !type.IsNested && !type.IsDefined(typeof(CompilerGeneratedAttribute)) && IsOurs(type.Namespace)).ToList();

        types.Where(type => type.IsPublic && !PublicRooms(assembly).Contains(type.Namespace)).Should().BeEmpty();
        types.Where(type => !type.IsPublic && type.Namespace != InternalRoom(assembly)).Should().BeEmpty();
    }

    private static bool IsOurs(string? space) => space is not null && (space == "Transports" || space.StartsWith("Transports.", StringComparison.Ordinal));

    private static string[] PublicRooms(string assembly) => assembly == "Transports.Testing" ? ["Transports.Testing"] : ["Transports", "Transports.Extensibility"];

    private static string InternalRoom(string assembly) => assembly == "Transports" ? "Transports.Engine" : assembly;
}
