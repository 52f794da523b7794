using System.Reflection;
using System.Runtime.CompilerServices;

namespace Transports.Api.Tests;

/// <summary>Types as they are written in C#, with nullability.</summary>
internal static class TypeNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool",
        [typeof(byte)] = "byte", [typeof(sbyte)] = "sbyte", [typeof(short)] = "short", [typeof(ushort)] = "ushort",
        [typeof(int)] = "int", [typeof(uint)] = "uint", [typeof(long)] = "long", [typeof(ulong)] = "ulong",
        [typeof(char)] = "char", [typeof(float)] = "float", [typeof(double)] = "double", [typeof(decimal)] = "decimal",
    };

    public static NullabilityInfoContext Nullability { get; } = new();

    /// <summary>A declared type with its namespace and its parameters.</summary>
    public static string Qualified(Type type) => $"{(type.IsNested ? Qualified(type.DeclaringType!) : type.Namespace)}.{Simple(type)}{Arguments(type, null)}";

    /// <summary>A name alone, without its parameters.</summary>
    public static string Simple(Type type) => type.Name.Split('`')[0];

    /// <summary>A type in use. Namespaces of this library and of the runtime's core are left out.</summary>
    public static string Of(Type type, NullabilityInfo? nullability = null)
    {
        if (type.IsByRef)
        {
            return Of(type.GetElementType()!, nullability?.ElementType ?? nullability);
        }

        if (System.Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Of(underlying, nullability?.GenericTypeArguments.FirstOrDefault()) + "?";
        }

        var mark = !type.IsValueType && nullability?.ReadState == NullabilityState.Nullable ? "?" : "";
        if (type.IsArray)
        {
            return Of(type.GetElementType()!, nullability?.ElementType) + "[]" + mark;
        }

        if (type.IsGenericParameter)
        {
            // Reflection calls every unconstrained parameter nullable, marked or not.
            return type.GenericParameterAttributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint) ? type.Name + mark : type.Name;
        }

        if (Keywords.TryGetValue(type, out var keyword))
        {
            return keyword + mark;
        }

        var prefix = type.IsNested ? Of(type.DeclaringType!) + "." : "";
        return prefix + Simple(type) + Arguments(type, nullability) + mark;
    }

    public static string Constraints(Type[] parameters)
    {
        var clauses = new List<string>();
        foreach (var parameter in parameters.Where(parameter => parameter.IsGenericParameter))
        {
            var attributes = parameter.GenericParameterAttributes;
            var parts = new List<string>();
            if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
            {
                parts.Add("class");
            }

            var isStruct = attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
            parts.AddRange(isStruct ? ["struct"] : parameter.GetGenericParameterConstraints().Select(constraint => Of(constraint)).Order(StringComparer.Ordinal));
            if (!isStruct && attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
            {
                parts.Add("new()");
            }

            if (parts.Count > 0)
            {
                clauses.Add($" where {parameter.Name} : {string.Join(", ", parts)}");
            }
        }

        return string.Concat(clauses);
    }

    private static string Arguments(Type type, NullabilityInfo? nullability)
    {
        var arguments = type.GetGenericArguments();
        if (arguments.Length == 0 || !type.Name.Contains('`'))
        {
            return "";
        }

        var given = nullability?.GenericTypeArguments ?? [];
        return $"<{string.Join(", ", arguments.Select((argument, i) => Of(argument, i < given.Length ? given[i] : null)))}>";
    }
}
