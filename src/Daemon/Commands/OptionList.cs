using System.Text;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The list after -o: names with or without values, separated by commas.</summary>
static class OptionList
{
    /// <summary>A value that holds a comma is in double quotes, as mount(8) has it.</summary>
    public static IEnumerable<(string Name, string? Value)> Parse(string list)
    {
        foreach (var option in Split(list))
        {
            var at = option.IndexOf('=', StringComparison.Ordinal);
            yield return at < 0 ? (option, null) : (option[..at], option[(at + 1)..]);
        }
    }

    static IEnumerable<string> Split(string list)
    {
        var option = new StringBuilder();
        var quoted = false;
        foreach (var c in list)
        {
            if (c == '"')
                quoted = !quoted;
            else if (c != ',' || quoted)
                option.Append(c);
            else if (option.Length > 0)
                yield return Take(option);
        }
        if (quoted)
            throw new UsageException($"-o {list}: a quotation mark is not closed");
        if (option.Length > 0)
            yield return Take(option);
    }

    static string Take(StringBuilder option)
    {
        var text = option.ToString();
        option.Clear();
        return text;
    }
}
