using System.Diagnostics;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Sandboxing;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>What a server that was taken over can do about the host's other processes.</summary>
public sealed class LandlockTests
{
    const uint User = 65534;

    [SandboxFact]
    public void A_server_that_takes_on_a_users_id_cannot_look_into_that_users_processes()
    {
        using var other = Process.Start("setpriv", ["--reuid", $"{User}", "--regid", $"{User}", "--clear-groups", "sleep", "120"]);
        try
        {
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{other.Id}/comm").Trim() == "sleep", TimeSpan.FromSeconds(30)));

            // The door that is closed: without the domain it is open.
            Assert.True(LookInto(other.Id, confined: false) >= 0);
            Assert.Equal(-(int)Errno.EACCES, LookInto(other.Id, confined: true));
        }
        finally
        {
            other.Kill();
            other.WaitForExit();
        }
    }

    /// <summary>On a thread with what a server has, that becomes another user and takes its capabilities back.</summary>
    static int LookInto(int pid, bool confined)
    {
        var result = 0;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                var kept = ServerCapabilities.Plan(new SandboxSettings(), fileHandles: true, trustedXattrs: false);
                ServerCapabilities.Apply(kept);
                using var root = new FileDescriptor(Descriptors.Open("/", OpenFlags.O_PATH));
                if (confined)
                    SystemCallException.ThrowIfError(Landlock.RestrictThread(root.Value), "landlock_restrict_self");
                SystemCallException.ThrowIfError(ThreadCredentials.SetGroupIds(ThreadCredentials.Unchanged, User, ThreadCredentials.Unchanged), "setresgid");
                SystemCallException.ThrowIfError(ThreadCredentials.SetUserIds(ThreadCredentials.Unchanged, User, ThreadCredentials.Unchanged), "setresuid");
                SystemCallException.ThrowIfError(ThreadCredentials.SetCapabilities(new(kept, kept, 0)), "capset");
                result = Descriptors.Open($"/proc/{pid}/root/etc/passwd", OpenFlags.O_PATH);
                if (result >= 0)
                    _ = Descriptors.Close(result);
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw failure;
    }
}
