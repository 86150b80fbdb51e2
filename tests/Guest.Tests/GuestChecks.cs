using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace VirtioFsStore.Guest.Tests;

/// <summary>
/// The checks of one boot: the shell functions <c>check_NAME</c> of a file in Checks/. They run in the guest one after the
/// other, and each is a test case of its own.
/// </summary>
public sealed partial class GuestChecks
{
    /// <param name="name">The file.</param>
    /// <param name="definitions">Shell text that runs before it.</param>
    public GuestChecks(string name, string definitions = "")
    {
        var functions = ReadResource(name);
        Names = [.. FunctionName().Matches(functions).Select(match => match.Groups[1].Value)];
        var script = new StringBuilder(ReadResource("prelude.sh")).Append('\n').Append(definitions).Append('\n').Append(functions);
        foreach (var check in Names)
        {
            script.Append($"run_check {check}\n");
        }

        Script = script.ToString();
    }

    /// <summary>The names of the checks, in their order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The text that the guest runs.</summary>
    public string Script { get; }

    static string ReadResource(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^check_(\w+)\(\)", RegexOptions.Multiline)]
    private static partial Regex FunctionName();
}
