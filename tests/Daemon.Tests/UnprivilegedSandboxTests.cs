using System.Diagnostics;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>A user other than root shares a directory of theirs, sandboxed, by way of a user namespace.</summary>
public sealed class UnprivilegedSandboxTests : IDisposable
{
    const uint User = 65534;

    readonly TemporaryDirectory _directory = new();
    readonly string _share;

    public UnprivilegedSandboxTests()
    {
        _share = Directory.CreateDirectory(_directory["share"]).FullName;
        File.WriteAllText(Path.Combine(_share, "hello"), "mine");
        using var owner = Process.Start("chown", ["-R", $"{User}:{User}", _directory.Path]);
        owner.WaitForExit();
    }

    public void Dispose() => _directory.Dispose();

    [SandboxFact]
    public void Ones_own_directory_is_shared_from_a_user_namespace()
    {
        using var daemon = Serve();
        using var machine = VirtualMachine.Mount(_directory["vfs.sock"]);
        var server = ServerProcesses.Of(daemon);

        Assert.Equal("mine"u8, machine.Fuse.ReadFile("hello"));
        machine.Fuse.WriteFile(FuseClient.Root, "new"u8, "from the guest"u8);
        Assert.Equal("from the guest", File.ReadAllText(Path.Combine(_share, "new")));
        Assert.Equal($"{User}", ServerProcesses.Status(server, "Uid").Split('\t')[0]);
        Assert.False(Path.Exists($"/proc/{server}/root/etc/passwd"));
        Assert.Equal(["0", $"{User}", "1"], File.ReadAllText($"/proc/{server}/uid_map").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
    }

    [SandboxFact]
    public void Root_of_a_user_namespace_has_a_sandbox_too()
    {
        using var daemon = ChildProcess.Start(
            "setpriv", ["--reuid", $"{User}", "--regid", $"{User}", "--clear-groups", "unshare", "--user", "--map-root-user", Daemon.Program, "serve", "--socket-path", _directory["vfs.sock"], _share]);
        using var machine = VirtualMachine.Mount(_directory["vfs.sock"]);

        Assert.Equal("mine"u8, machine.Fuse.ReadFile("hello"));
        Assert.False(Path.Exists($"/proc/{ServerProcesses.Of(daemon)}/root/etc/passwd"));
    }

    [SandboxFact]
    public void Root_s_ids_are_not_mapped_and_who_asks_for_it_is_told()
    {
        var (code, _, error) = Daemon.Run("serve", "--socket-path", _directory["vfs.sock"], "--uid-map=:0:100000:65536:", _share);

        Assert.Equal(2, code);
        Assert.Contains("--uid-map", error, StringComparison.Ordinal);
    }

    ChildProcess Serve() => ChildProcess.Start(
        "setpriv", ["--reuid", $"{User}", "--regid", $"{User}", "--clear-groups", Daemon.Program, "serve", "--socket-path", _directory["vfs.sock"], _share]);
}
