namespace VirtioFsStore.Guest.Tests;

/// <summary>The result lines of a guest's checks: <c>ok NAME</c>, or <c>not ok NAME</c> and the trace in lines that begin with #.</summary>
sealed class CheckResults
{
    const string Ok = "ok ";
    const string NotOk = "not ok ";
    const string Trace = "# ";

    readonly Dictionary<string, List<string>?> _failures = [];

    public CheckResults(string output)
    {
        List<string>? trace = null;
        foreach (var line in output.Split('\n'))
        {
            if (line.StartsWith(Ok, StringComparison.Ordinal))
            {
                _failures[line[Ok.Length..]] = null;
            }
            else if (line.StartsWith(NotOk, StringComparison.Ordinal))
            {
                _failures[line[NotOk.Length..]] = trace = [];
            }
            else if (line.StartsWith(Trace, StringComparison.Ordinal))
            {
                trace?.Add(line[Trace.Length..]);
            }
        }
    }

    /// <summary>Null if the check passed, else what is known of its failure; <paramref name="otherwise"/> if it never ended.</summary>
    public string? FailureOf(string check, string otherwise) =>
        !_failures.TryGetValue(check, out var trace) ? $"The check did not end. {otherwise}"
        : trace is null ? null
        : string.Join('\n', trace);
}
