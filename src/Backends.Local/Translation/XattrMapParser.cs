using System.Text;

namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>Reads the rules of a <see cref="XattrMap"/>. A rule's first character is its separator; white space may lie between rules.</summary>
static class XattrMapParser
{
    const string Map = "map";

    public static XattrRule[] Parse(string text)
    {
        var rules = new List<XattrRule>();
        var rest = text.AsSpan().Trim();
        for (var number = 1; !rest.IsEmpty; number++, rest = rest.TrimStart())
        {
            var separator = rest[0];
            rest = rest[1..];
            var type = Field(ref rest, separator, number);
            if (type == Map)
            {
                Expand(Field(ref rest, separator, number), Field(ref rest, separator, number), rules);
                if (!rest.IsEmpty)
                    throw new FormatException($"rule {number} is a map rule, and nothing may follow it");
                continue;
            }
            var action = type switch
            {
                "prefix" => XattrRuleType.Prefix,
                "ok" => XattrRuleType.Ok,
                "bad" => XattrRuleType.Bad,
                "unsupported" => XattrRuleType.Unsupported,
                _ => throw new FormatException($"rule {number} has the type '{type}'; there are prefix, ok, bad, unsupported and map"),
            };
            var (ofClient, ofServer) = Field(ref rest, separator, number) switch
            {
                "client" => (true, false),
                "server" => (false, true),
                "all" => (true, true),
                var scope => throw new FormatException($"rule {number} has the scope '{scope}'; there are client, server and all"),
            };
            rules.Add(new XattrRule(action, ofClient, ofServer, Bytes(Field(ref rest, separator, number)), Bytes(Field(ref rest, separator, number))));
        }
        return rules.Count > 0 ? [.. rules] : throw new FormatException("there are no rules; a rule is such as :map::user.virtiofs.:");
    }

    /// <summary>
    /// With a key: its names are kept under the prefix, hidden where they have none, and what has the prefix is out of the guest's direct
    /// reach. Without: nothing but what has the prefix is there.
    /// </summary>
    static void Expand(string key, string prepend, List<XattrRule> rules)
    {
        var (keyBytes, prependBytes) = (Bytes(key), Bytes(prepend));
        rules.Add(new XattrRule(XattrRuleType.Prefix, true, true, keyBytes, prependBytes));
        if (keyBytes.Length > 0)
            rules.Add(new XattrRule(XattrRuleType.Bad, true, true, prependBytes, keyBytes));
        rules.Add(new XattrRule(keyBytes.Length > 0 ? XattrRuleType.Ok : XattrRuleType.Bad, true, true, [], []));
    }

    static string Field(ref ReadOnlySpan<char> rest, char separator, int number)
    {
        var end = rest.IndexOf(separator);
        if (end < 0)
            throw new FormatException($"rule {number} is not complete: it begins with '{separator}', and each of its fields must end with one, as in {separator}type{separator}scope{separator}key{separator}prepend{separator}");
        var field = rest[..end].ToString();
        rest = rest[(end + 1)..];
        return field.Contains('\0', StringComparison.Ordinal) ? throw new FormatException($"rule {number} holds a NUL") : field;
    }

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
