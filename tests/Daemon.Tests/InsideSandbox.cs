using System.Runtime.ExceptionServices;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Driver.Hosting;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Runs code where a server is: in its mount namespace, under its root, with its capabilities.</summary>
static class InsideSandbox
{
    /// <param name="server">Its process id.</param>
    /// <param name="fileHandles">Whether it keeps the right to open by handle.</param>
    /// <param name="action">System calls alone: what the runtime would load now it might not find.</param>
    public static T Run<T>(int server, bool fileHandles, Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        // A thread of its own, which never comes back.
        var thread = new Thread(() =>
        {
            try
            {
                OtherNamespace.Enter(server);
                ServerCapabilities.Apply(ServerCapabilities.Plan(new SandboxSettings(), fileHandles, trustedXattrs: false));
                result = action();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
