using System.Runtime.InteropServices;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>What this program consists of on disk: how it is started once more, and what must be seen for that.</summary>
sealed record ProgramFiles
{
    static readonly string[] s_libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"];

    /// <summary>The file to execute.</summary>
    public required string Program { get; init; }

    /// <summary>What comes before the arguments: the library, where the program is the runtime's.</summary>
    public required IReadOnlyList<string> Leading { get; init; }

    /// <summary>Files and folders, absolute, parents before what lies in them and none twice.</summary>
    public required IReadOnlyList<string> Needed { get; init; }

    /// <summary>The shared runtime's folder; null where the program brings its own.</summary>
    public required string? RuntimeRoot { get; init; }

    public static ProgramFiles Find()
    {
        var program = Environment.ProcessPath ?? throw new IOException("cannot find out which program this is (is /proc mounted?)");
        // A single-file program has its libraries inside.
        var library = Path.Combine(AppContext.BaseDirectory, "virtiofs-store.dll");
        var isApart = File.Exists(library);
        var runtime = RuntimeEnvironment.GetRuntimeDirectory();
        var runtimeRoot = isApart && File.Exists(Path.Combine(runtime, "libcoreclr.so")) ? Path.GetFullPath(Path.Combine(runtime, "..", "..", "..")) : null;
        var needed = new List<string>(s_libraries) { isApart ? AppContext.BaseDirectory : program };
        if (Path.GetDirectoryName(program) is { } folder && folder + "/" != AppContext.BaseDirectory && isApart)
            needed.Add(program);
        if (runtimeRoot is not null)
            needed.Add(runtimeRoot);
        return new ProgramFiles
        {
            Program = program,
            Leading = Path.GetFileName(program) == "dotnet" ? [library] : [],
            Needed = Reduce(needed),
            RuntimeRoot = runtimeRoot,
        };
    }

    static List<string> Reduce(IEnumerable<string> paths)
    {
        var kept = new List<string>();
        foreach (var path in paths.Select(path => path.TrimEnd('/')).Where(Path.Exists).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (!kept.Exists(other => path.StartsWith(other + "/", StringComparison.Ordinal) && new FileInfo(other).LinkTarget is null))
                kept.Add(path);
        }
        return kept;
    }
}
