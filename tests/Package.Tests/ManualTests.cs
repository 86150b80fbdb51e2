using System.Text.RegularExpressions;

namespace VirtioFsStore.Package.Tests;

[Collection(PackageCollection.Name)]
public sealed partial class ManualTests(InstalledPackage installed)
{
    const string Page = "/usr/share/man/man1/virtiofs-store.1.gz";

    [PackageFact]
    public void The_page_is_set_without_a_warning()
    {
        var messages = installed.Root.RunOutside("sh", root =>
            ["-c", """MANROFFSEQ='' MANWIDTH=80 man --warnings=all -E UTF-8 -Tutf8 -Z -l "$1" 2>&1 > /dev/null""", "sh", root + Page]);

        Assert.Empty(messages);
    }

    [PackageFact]
    public void The_page_names_the_options_of_all_commands_and_no_other()
    {
        var told = Commands([]).SelectMany(command => OptionsOf(Help(command))).ToHashSet(StringComparer.Ordinal);
        var page = installed.Root.Run("zcat", Page);

        // A list's entry is a line after .TP, in which '-' is escaped, and placeholders are in italics.
        var named = Entry().Matches(page)
            .SelectMany(entry => OptionName().Matches(Font().Replace(entry.Groups[1].Value.Replace(@"\-", "-", StringComparison.Ordinal), " ")))
            .Select(match => match.Value).ToHashSet(StringComparer.Ordinal);

        Assert.NotEmpty(told);
        Assert.Equal(told.Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
    }

    /// <summary>The command and all below it, as the help lists them.</summary>
    IEnumerable<string[]> Commands(string[] command) =>
        Section(Help(command), "Commands").Select(line => line.Split(' ')[0]).SelectMany(name => Commands([.. command, name])).Prepend(command);

    string Help(string[] command) => installed.Root.Run("virtiofs-store", [.. command, "--help"]);

    static IEnumerable<string> OptionsOf(string help) =>
        Section(help, "Options").SelectMany(line => OptionName().Matches(Placeholder().Replace(Columns().Split(line)[0], "")).Select(match => match.Value));

    static IEnumerable<string> Section(string help, string name) =>
        help.Split('\n').SkipWhile(line => line != $"{name}:").Skip(1).TakeWhile(line => line.Length > 0).Select(line => line.Trim());

    [GeneratedRegex(@"^\.TP\n(.*)$", RegexOptions.Multiline)]
    private static partial Regex Entry();

    [GeneratedRegex(@"(?<![\w-])--?[a-zA-Z?][\w-]*")]
    private static partial Regex OptionName();

    [GeneratedRegex(@"\\fI[^\\]*\\fR|\\f.")]
    private static partial Regex Font();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Placeholder();

    [GeneratedRegex("  +")]
    private static partial Regex Columns();
}
