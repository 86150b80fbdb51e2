using System.Net.Sockets;
using System.Text;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Callers;

/// <summary>--syslog with a /dev of the test's own, in which the test plays the log.</summary>
public sealed class SystemLogTests : IDisposable
{
    const string PrivateDevices = """
        set -e
        mkdir "$1/dev"
        mount -t tmpfs tmpfs "$1/dev"
        for device in null zero random urandom; do
            touch "$1/dev/$device"
            mount --bind "/dev/$device" "$1/dev/$device"
        done
        ln -s "$1/log" "$1/dev/log"
        mount --rbind "$1/dev" /dev
        shift
        exec "$@"
        """;

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [HostMountFact]
    public void All_that_is_logged_goes_there_and_nothing_to_stderr()
    {
        using var log = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        log.Bind(new UnixDomainSocketEndPoint(_directory["log"]));
        var socket = _directory["vfs.sock"];
        using var daemon = ChildProcess.Launch(
            "unshare", ["--mount", "bash", "-c", PrivateDevices, "bash", _directory.Path, Daemon.Program, "--syslog", "--sandbox=none", "--shared-dir", _directory.Path, "--socket-path", socket]);

        var buffer = new byte[65536];
        string message;
        do
            message = Encoding.UTF8.GetString(buffer, 0, log.Receive(buffer));
        while (!message.Contains(ChildProcess.ReadyText, StringComparison.Ordinal));
        using (var machine = VirtualMachine.Mount(socket))
            Assert.Equal(0, machine.Fuse.GetAttr(1).Error);

        Assert.Matches("^<14>.* virtiofs-store\\[[0-9]+\\]: ", message);
        Assert.True(daemon.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, daemon.ExitCode);
        Assert.Empty(daemon.ErrorText);
    }
}
