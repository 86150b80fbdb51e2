using Tomlyn;
using Tomlyn.Serialization;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>TOML as nested lists in the order of the file, which serializers do not keep: strings, booleans, lists of values, and tables as lists of
/// pairs. Other values are objects of no kind: nothing here has a use for them.</summary>
static class TomlTables
{
    static readonly object s_other = new();

    /// <exception cref="TomlException">It is no TOML.</exception>
    public static List<KeyValuePair<string, object>> Parse(string text, string fileName)
    {
        var reader = TomlReader.Create(text, new TomlSerializerOptions { SourceName = fileName });
        while (reader.Read())
            if (reader.TokenType == TomlTokenType.StartTable) return Table(reader);
        return [];
    }

    static List<KeyValuePair<string, object>> Table(TomlReader reader)
    {
        var table = new List<KeyValuePair<string, object>>();
        while (reader.Read() && reader.TokenType != TomlTokenType.EndTable)
        {
            var name = reader.PropertyName!;
            reader.Read();
            table.Add(new(name, Value(reader)));
        }

        return table;
    }

    static object Value(TomlReader reader)
    {
        switch (reader.TokenType)
        {
            case TomlTokenType.String: return reader.GetString();
            case TomlTokenType.Boolean: return reader.GetBoolean();
            case TomlTokenType.StartTable: return Table(reader);
            case TomlTokenType.StartArray:
                var list = new List<object>();
                while (reader.Read() && reader.TokenType != TomlTokenType.EndArray) list.Add(Value(reader));
                return list;
            default: return s_other;
        }
    }
}
