using System.Diagnostics;
using VirtioFsStore.Daemon.Sandboxing;

namespace VirtioFsStore.SandboxProbe;

/// <summary>The capabilities of a thread that was cut down, and of a program that it starts.</summary>
static class HeldCapabilities
{
    /// <summary>Prints the lines Cap… of proc(5)'s status: the thread's, then the program's.</summary>
    public static void Print(ModCaps changes)
    {
        var settings = new SandboxSettings { AddedCapabilities = changes.Added, DroppedCapabilities = changes.Dropped };
        var thread = new Thread(() =>
        {
            ServerCapabilities.Apply(ServerCapabilities.Plan(settings, fileHandles: false, trustedXattrs: false));
            foreach (var line in File.ReadLines("/proc/thread-self/status").Where(line => line.StartsWith("Cap", StringComparison.Ordinal)))
                Console.WriteLine(line);
            // It starts from this very thread.
            using var program = Process.Start(new ProcessStartInfo("/bin/grep", ["Cap", "/proc/self/status"]) { RedirectStandardOutput = true })!;
            Console.Write(program.StandardOutput.ReadToEnd());
            program.WaitForExit();
        });
        thread.Start();
        thread.Join();
    }
}
