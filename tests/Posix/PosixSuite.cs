using System.Reflection;
using System.Text.RegularExpressions;

namespace VirtioFsStore.Posix;

/// <summary>The suite of run.py, which runs on this host and in guests: where it lies, and its rules as read from their modules.</summary>
public static partial class PosixSuite
{
    /// <summary>The folder of run.py.</summary>
    public static string Folder { get; } =
        typeof(PosixSuite).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(entry => entry.Key == "Suite").Value!;

    /// <summary>All rules, in the order in which they run.</summary>
    public static IReadOnlyList<PosixRule> Rules { get; } = ReadRules();

    /// <summary>Copies what run.py needs into a folder that is made.</summary>
    public static void CopyTo(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(Folder, "*.py", SearchOption.AllDirectories))
        {
            var target = Path.Combine(folder, Path.GetRelativePath(Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    static List<PosixRule> ReadRules()
    {
        var rules = new List<PosixRule>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Folder, "rules"), "*.py").Order(StringComparer.Ordinal))
        {
            foreach (Match match in RuleDefinition().Matches(File.ReadAllText(file)))
            {
                var needs = QuotedWord().Matches(match.Groups["needs"].Value).Select(word => word.Groups[1].Value).ToList();
                // As run.py has it: what is not about read-only file systems needs one that is not.
                if (!needs.Contains("read-only"))
                    needs.Add("read-write");
                rules.Add(new($"{Path.GetFileNameWithoutExtension(file)}.{match.Groups["name"].Value}", needs));
            }
        }

        return rules;
    }

    [GeneratedRegex(@"^(?:@needs\((?<needs>[^)]*)\)\n)?def (?<name>[A-Za-z]\w*)\(t\):", RegexOptions.Multiline)]
    private static partial Regex RuleDefinition();

    [GeneratedRegex("\"([^\"]+)\"")]
    private static partial Regex QuotedWord();
}
