using System.CommandLine;
using VirtioFsStore.Core.Fuse;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>
/// An option <c>--name[=never|auto|always]</c>, alone the same as always. The parser would take the word behind a bare one for its value, so
/// such words are completed before it sees them.
/// </summary>
static class FeatureOption
{
    const string Never = "never", Auto = "auto", Always = "always";

    public static Option<string> Create(string name, string description) => Choices.Create(name, description, Never, Never, Auto, Always);

    /// <summary>Replaces a bare option by <c>--name=always</c>, up to a "--".</summary>
    public static string[] Complete(string[] arguments, params ReadOnlySpan<Option<string>> options)
    {
        var completed = (string[])arguments.Clone();
        for (var i = 0; i < completed.Length && completed[i] != "--"; i++)
        {
            foreach (var option in options)
            {
                if (completed[i] == option.Name)
                    completed[i] = $"{option.Name}={Always}";
            }
        }
        return completed;
    }

    /// <param name="parsed">The command line.</param>
    /// <param name="option">Made by <see cref="Create"/>.</param>
    /// <param name="unsaid">What holds where the option was not given.</param>
    public static FeatureMode Read(ParseResult parsed, Option<string> option, FeatureMode unsaid = FeatureMode.Never)
    {
        if (parsed.GetResult(option) is null or { Implicit: true })
            return unsaid;
        return parsed.GetValue(option) switch
        {
            Auto => FeatureMode.Auto,
            Always => FeatureMode.Always,
            _ => FeatureMode.Never,
        };
    }
}
