using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Xunit;

namespace VirtioFsStore.Core.Tests.Architecture;

/// <summary>Imports point one way: between projects, and between the folders of Core.</summary>
public sealed partial class ImportRuleTests
{
    static readonly Dictionary<string, string[]> s_projects = new()
    {
        ["Core"] = [],
        ["Backends.Local"] = ["Core"],
        ["Backends.ObjectStore"] = ["Core"],
        ["Backends.Overlay"] = ["Core", "Backends.ObjectStore"],
        ["Daemon"] = ["Core", "Backends.Local", "Backends.ObjectStore", "Backends.Overlay"],
    };

    static readonly Dictionary<string, string[]> s_coreFolders = new()
    {
        ["Interop"] = [],
        ["Memory"] = ["Interop"],
        ["Transport"] = ["Interop", "Memory"],
        ["Virtqueues"] = ["Interop", "Memory", "Transport"],
        ["VhostUser"] = ["Interop", "Memory", "Transport", "Virtqueues"],
        ["Storage"] = ["Interop", "Memory", "Transport"],
        ["Mounts"] = ["Interop", "Memory", "Storage", "Transport"],
        ["Dax"] = ["Interop", "Memory", "Mounts", "Storage", "Transport"],
        ["Fuse"] = ["Dax", "Interop", "Memory", "Mounts", "Storage", "Transport"],
        ["DevFuse"] = ["Interop", "Memory", "Transport"],
    };

    public static TheoryData<string> Projects => [.. s_projects.Keys];

    public static TheoryData<string> CoreFolders => [.. Directory.GetDirectories(Path.Combine(Root(), "src", "Core")).Select(Path.GetFileName).OfType<string>().Where(name => name is not ("bin" or "obj"))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_references_only_what_lies_below_it(string project)
    {
        var text = File.ReadAllText(Path.Combine(Root(), "src", project, $"{project}.csproj"));

        var references = ProjectReference().Matches(text).Select(match => match.Groups["name"].Value);

        Assert.Empty(references.Except(s_projects[project]));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_uses_only_what_lies_below_it(string project)
    {
        var foreign = s_projects.Keys.Except([project]).Except(s_projects[project]).ToArray();

        var wrong = from file in Sources(Path.Combine(Root(), "src", project))
                    from name in Mentions(file)
                    where foreign.Any(other => name == $"VirtioFsStore.{other}" || name.StartsWith($"VirtioFsStore.{other}.", StringComparison.Ordinal))
                    select $"{file}: {name}";

        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(CoreFolders))]
    public void Core_folder_uses_only_what_lies_below_it(string folder)
    {
        Assert.True(s_coreFolders.TryGetValue(folder, out var below), $"src/Core/{folder} has no place in the import rule: give it one here and in docs/architecture.md.");
        const string Prefix = "VirtioFsStore.Core.";

        var wrong = from file in Sources(Path.Combine(Root(), "src", "Core", folder))
                    from name in Mentions(file)
                    where name.StartsWith(Prefix, StringComparison.Ordinal)
                    let other = name[Prefix.Length..].Split('.')[0]
                    where other != folder && !below.Contains(other)
                    select $"{file}: {name}";

        Assert.Empty(wrong);
    }

    [Fact]
    public void Errno_is_read_in_interop_alone()
    {
        var elsewhere = Sources(Path.Combine(Root(), "src"))
            .Where(file => !file.Contains("/src/Core/Interop/", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file) is var text && (text.Contains("GetLastPInvokeError", StringComparison.Ordinal) || text.Contains("LibraryImport(", StringComparison.Ordinal)));

        Assert.Empty(elsewhere);
    }

    static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    static IEnumerable<string> Mentions(string file) => Namespaces().Matches(File.ReadAllText(file)).Select(match => match.Value);

    internal static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    [GeneratedRegex(@"<ProjectReference Include=""[^""]*?(?<name>[A-Za-z.]+)\.csproj""")]
    private static partial Regex ProjectReference();

    [GeneratedRegex(@"VirtioFsStore(\.[A-Z][A-Za-z]*)+")]
    private static partial Regex Namespaces();
}
