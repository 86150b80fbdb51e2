namespace VirtioFsStore.Posix;

/// <summary>What run.py wrote: a line for each rule.</summary>
public sealed class PosixResults
{
    static readonly string[] s_marks = ["ok ", "not ok ", "skip "];

    readonly Dictionary<string, string> _lines = [];

    public PosixResults(string output)
    {
        foreach (var line in output.Split('\n'))
        {
            if (Array.Find(s_marks, mark => line.StartsWith(mark, StringComparison.Ordinal)) is { } mark)
                _lines[line[mark.Length..].Split([' ', ':'], 2)[0]] = line;
        }
    }

    /// <summary>Null if the rule holds, else what was found; <paramref name="otherwise"/> if it was not tried.</summary>
    public string? FailureOf(string rule, string otherwise) =>
        !_lines.TryGetValue(rule, out var line) ? $"The rule was not tried. {otherwise}"
        : line.StartsWith("ok ", StringComparison.Ordinal) ? null
        : line;
}
