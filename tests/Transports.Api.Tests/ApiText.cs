using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Transports.Api.Tests;

/// <summary>Renders what users of an assembly can see, in an order of its own.</summary>
internal static class ApiText
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static string Render(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Header(type)).Append('\n');
            foreach (var member in Members(type).Distinct().Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(member).Append('\n');
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Header(Type type)
    {
        var text = new StringBuilder(type.IsNestedFamily ? "protected " : "public ");
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            return text.Append("delegate ").Append(Method(type.GetMethod("Invoke")!, TypeNames.Qualified(type))).ToString();
        }

        if (type.IsEnum)
        {
            return text.Append("enum ").Append(TypeNames.Qualified(type)).Append(" : ").Append(TypeNames.Of(Enum.GetUnderlyingType(type))).ToString();
        }

        if (type.IsValueType)
        {
            text.Append(type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "").Append(type.IsByRefLike ? "ref struct " : "struct ");
        }
        else if (type.IsInterface)
        {
            text.Append("interface ");
        }
        else
        {
            text.Append(type is { IsAbstract: true, IsSealed: true } ? "static " : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "");
            text.Append(type.GetMethod("<Clone>$") is null ? "class " : "record ");
        }

        text.Append(TypeNames.Qualified(type));
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        var bases = type.GetInterfaces()
            .Where(candidate => candidate.IsVisible && !inherited.Contains(candidate))
            .Where(candidate => !type.GetInterfaces().Any(other => other != candidate && other.GetInterfaces().Contains(candidate)))
            .Select(candidate => TypeNames.Of(candidate))
            .Order(StringComparer.Ordinal)
            .ToList();
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType))
        {
            bases.Insert(0, TypeNames.Of(parent));
        }

        return text.Append(bases.Count > 0 ? " : " + string.Join(", ", bases) : "").Append(TypeNames.Constraints(type.GetGenericArguments())).ToString();
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            yield break;
        }

        foreach (var field in type.GetFields(Declared).Where(field => (field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly) && !field.IsSpecialName))
        {
            yield return Field(field);
        }

        foreach (var constructor in type.GetConstructors(Declared).Where(IsSeen))
        {
            yield return $"{Access(constructor)}{TypeNames.Simple(type)}({Parameters(constructor)})";
        }

        foreach (var property in type.GetProperties(Declared).Where(property => property.GetAccessors(nonPublic: true).Any(IsSeen)))
        {
            yield return Property(property);
        }

        foreach (var @event in type.GetEvents(Declared).Where(@event => IsSeen(@event.AddMethod!)))
        {
            yield return $"{Access(@event.AddMethod!)}{Modifiers(@event.AddMethod!)}event {TypeNames.Of(@event.EventHandlerType!, TypeNames.Nullability.Create(@event))} {@event.Name}";
        }

        foreach (var method in type.GetMethods(Declared).Where(IsSeen))
        {
            // Accessors stand with their properties, and what the compiler adds to a record is no choice of ours.
            if ((method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal)) || method.IsDefined(typeof(CompilerGeneratedAttribute)) || method.Name.Contains('<'))
            {
                continue;
            }

            yield return Access(method) + Modifiers(method) + Method(method, method.Name);
        }
    }

    private static string Field(FieldInfo field)
    {
        if (field.DeclaringType!.IsEnum)
        {
            return $"{field.Name} = {Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}";
        }

        var access = field.IsPublic ? "public " : "protected ";
        var kind = field.IsLiteral ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        var value = field.IsLiteral ? " = " + Literal(field.GetRawConstantValue()) : "";
        return $"{access}{kind}{TypeNames.Of(field.FieldType, TypeNames.Nullability.Create(field))} {field.Name}{value}";
    }

    private static string Property(PropertyInfo property)
    {
        var accessors = property.GetAccessors(nonPublic: true).Where(IsSeen).ToArray();
        var widest = accessors.FirstOrDefault(accessor => accessor.IsPublic) ?? accessors[0];
        var text = new StringBuilder(Access(widest)).Append(Modifiers(widest));
        if (property.IsDefined(typeof(RequiredMemberAttribute)))
        {
            text.Append("required ");
        }

        text.Append(TypeNames.Of(property.PropertyType, TypeNames.Nullability.Create(property))).Append(' ');
        var index = property.GetIndexParameters();
        text.Append(index.Length == 0 ? property.Name : $"this[{string.Join(", ", index.Select(Parameter))}]").Append(" { ");
        foreach (var (accessor, name) in new[] { (property.GetMethod, "get"), (property.SetMethod, "set") })
        {
            if (accessor is null || !IsSeen(accessor))
            {
                continue;
            }

            var init = accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));
            text.Append(accessor.IsPublic == widest.IsPublic ? "" : "protected ").Append(init ? "init" : name).Append("; ");
        }

        return text.Append('}').ToString();
    }

    private static string Method(MethodInfo method, string name)
    {
        var arguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        var generic = arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments.Select(argument => argument.Name))}>";
        return $"{TypeNames.Of(method.ReturnType, TypeNames.Nullability.Create(method.ReturnParameter))} {name}{generic}({Parameters(method)}){TypeNames.Constraints(arguments)}";
    }

    private static string Parameters(MethodBase method)
    {
        var extension = method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "";
        return extension + string.Join(", ", method.GetParameters().Select(Parameter));
    }

    private static string Parameter(ParameterInfo parameter)
    {
        var text = new StringBuilder();
        if (parameter.ParameterType.IsByRef)
        {
            text.Append(parameter.IsOut ? "out " : parameter.IsIn ? "in " : "ref ");
        }

        if (parameter.IsDefined(typeof(ParamArrayAttribute)) || parameter.IsDefined(typeof(ParamCollectionAttribute)))
        {
            text.Append("params ");
        }

        text.Append(TypeNames.Of(parameter.ParameterType, TypeNames.Nullability.Create(parameter))).Append(' ').Append(parameter.Name);
        if (parameter.HasDefaultValue)
        {
            var value = parameter.RawDefaultValue;
            text.Append(" = ").Append(value is null && parameter.ParameterType.IsValueType ? "default" : parameter.ParameterType.IsEnum ? Enum.ToObject(parameter.ParameterType, value!).ToString() : Literal(value));
        }

        return text.ToString();
    }

    private static string Literal(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        bool truth => truth ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static bool IsSeen(MethodBase method) => method.IsPublic || ((method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType!.IsSealed);

    private static string Access(MethodBase method) => method.DeclaringType!.IsInterface ? "" : method.IsPublic ? "public " : "protected ";

    private static string Modifiers(MethodInfo method)
    {
        if (method.DeclaringType!.IsInterface)
        {
            return method.IsStatic ? "static " : "";
        }

        if (method.IsStatic)
        {
            return "static ";
        }

        var overrides = method.GetBaseDefinition() != method;
        return method switch
        {
            { IsAbstract: true } => overrides ? "abstract override " : "abstract ",
            { IsVirtual: true, IsFinal: true } => overrides ? "sealed override " : "",
            { IsVirtual: true } => overrides ? "override " : "virtual ",
            _ => "",
        };
    }
}
