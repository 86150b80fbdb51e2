using System.Text;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>What a server wants to see (RFC 9110, 11.6.1: WWW-Authenticate).</summary>
/// <param name="Scheme">In lower case.</param>
/// <param name="Parameters">By their names in lower case.</param>
sealed record AuthChallenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    const int MaxLength = 8 << 10;

    /// <summary>All challenges of a field's value; what cannot be understood ends the list.</summary>
    public static List<AuthChallenge> Parse(string field)
    {
        var challenges = new List<AuthChallenge>();
        Dictionary<string, string>? parameters = null;
        var position = 0;
        if (field.Length > MaxLength) return challenges;
        while (true)
        {
            Skip(field, ref position, ", \t");
            var token = Token(field, ref position);
            if (token.Length == 0) return challenges;
            var after = position;
            Skip(field, ref after, " \t");
            if (after < field.Length && field[after] == '=' && parameters is not null)
            {
                position = after + 1;
                Skip(field, ref position, " \t");
                if (Value(field, ref position) is not { } value) return challenges;
                // A name said twice could be read in two ways: the first counts.
                parameters.TryAdd(token.ToLowerInvariant(), value);
                continue;
            }

            parameters = [];
            challenges.Add(new AuthChallenge(token.ToLowerInvariant(), parameters));
            SkipToken68(field, ref position);
        }
    }

    /// <summary>Some schemes have one blob in place of parameters: <c>Negotiate abc==</c>.</summary>
    static void SkipToken68(string field, ref int position)
    {
        var end = position;
        Skip(field, ref end, " \t");
        while (end < field.Length && (char.IsAsciiLetterOrDigit(field[end]) || "-._~+/".Contains(field[end], StringComparison.Ordinal))) end++;
        while (end < field.Length && field[end] == '=') end++;
        var after = end;
        Skip(field, ref after, " \t");
        if (end > position && (after == field.Length || field[after] == ',')) position = end;
    }

    static void Skip(string field, ref int position, string what)
    {
        while (position < field.Length && what.Contains(field[position], StringComparison.Ordinal)) position++;
    }

    static string Token(string field, ref int position)
    {
        var start = position;
        while (position < field.Length && (char.IsAsciiLetterOrDigit(field[position]) || "!#$%&'*+-.^_`|~".Contains(field[position], StringComparison.Ordinal))) position++;
        return field[start..position];
    }

    static string? Value(string field, ref int position)
    {
        if (position >= field.Length || field[position] != '"')
        {
            // Colons and slashes belong into quotes, but servers are seen to leave these away.
            var start = position;
            while (position < field.Length && field[position] is not (',' or ' ' or '\t' or '"')) position++;
            return position > start ? field[start..position] : null;
        }

        var value = new StringBuilder();
        for (position++; position < field.Length; position++)
        {
            if (field[position] == '"')
            {
                position++;
                return value.ToString();
            }

            if (field[position] == '\\' && ++position == field.Length) return null;
            value.Append(field[position]);
        }

        return null;
    }
}
