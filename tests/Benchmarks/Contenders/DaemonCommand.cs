namespace VirtioFsStore.Benchmarks.Contenders;

/// <summary>How a daemon is started: ours or virtiofsd, told by the program's name.</summary>
/// <param name="Program">A path.</param>
sealed record DaemonCommand(string Program)
{
    public const string OwnProgram = "virtiofs-store";

    public bool IsOwn => Path.GetFileName(Program) == OwnProgram;

    /// <summary>
    /// The same settings for both: cache auto, extended attributes, file handles where possible (both programs' default), locks and
    /// killpriv left to the guest, no sandbox, a thread for each queue and no pool.
    /// </summary>
    public string[] Serve(string directory, string socket) => IsOwn
        ? ["serve", "--socket-path", socket, "--cache", "auto", "--xattr", "--sandbox", "none", "--seccomp", "none", directory]
        : ["--socket-path", socket, "--cache", "auto", "--xattr", "--sandbox", "none", "--seccomp", "none", "--thread-pool-size", "0",
            "--shared-dir", directory];

    /// <summary>Ours alone.</summary>
    public static string[] ServeImage(string layout, string store, string socket, params string[] more) =>
        ["serve", "--socket-path", socket, "--sandbox", "none", "--seccomp", "none", "--store", store, .. more, $"oci:{layout}:latest"];
}
