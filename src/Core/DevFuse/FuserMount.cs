using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.DevFuse;

/// <summary>
/// libfuse's setuid program fusermount3, which mounts for users who may not. Its protocol: it finds the number of a socket in
/// _FUSE_COMMFD, mounts, and sends one byte over it with the connection attached.
/// </summary>
public static unsafe class FuserMount
{
    const string Program = "fusermount3";
    const string SocketVariable = "_FUSE_COMMFD";

    /// <summary>Mounts; answers the connection.</summary>
    /// <exception cref="IOException">It is not installed, or has refused; the message has its own words.</exception>
    public static FileDescriptor Mount(string mountPoint, string options)
    {
        SystemCallException.ThrowIfError(Sockets.CreatePair(out var ours, out var theirs), "socketpair");
        using var receiving = new FileDescriptor(ours);
        using var sending = new FileDescriptor(theirs);
        SystemCallException.ThrowIfError(Descriptors.SetInheritable(theirs), "fcntl");
        using var process = Start(["-o", options, "--", mountPoint], theirs);
        sending.Dispose();
        byte message;
        Span<int> descriptors = stackalloc int[1];
        var received = Sockets.Receive(ours, &message, 1, descriptors, out var count, out _);
        var connection = received > 0 && count == 1 ? new FileDescriptor(descriptors[0]) : null;
        var (code, words) = Finish(process);
        if (code == 0 && connection is not null)
            return connection;
        connection?.Dispose();
        throw Refused($"mount on {mountPoint}", words);
    }

    /// <exception cref="IOException">It is not installed, or has refused; the message has its own words.</exception>
    public static void Unmount(string mountPoint, bool lazy)
    {
        using var process = Start(lazy ? ["-u", "-z", "--", mountPoint] : ["-u", "--", mountPoint]);
        var (code, words) = Finish(process);
        if (code != 0)
            throw Refused($"unmount {mountPoint}", words);
    }

    static Process Start(string[] arguments, int socket = -1)
    {
        var start = new ProcessStartInfo(Find(), arguments) { RedirectStandardError = true };
        // Its words are passed on, and looked into.
        start.Environment["LC_ALL"] = "C";
        if (socket >= 0)
            start.Environment[SocketVariable] = socket.ToString(CultureInfo.InvariantCulture);
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            // Some systems let a group alone run it.
            throw new IOException($"{start.FileName}, by which users other than root mount, cannot be started: {exception.Message}", exception);
        }
    }

    static (int ExitCode, string Words) Finish(Process process)
    {
        var words = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, words.Trim());
    }

    static IOException Refused(string what, string words) => new($"{Program} could not {what}: {(words.Length > 0 ? words.ReplaceLineEndings("; ") : "it said nothing")}");

    /// <summary>Not left to Process.Start, which looks into the working directory too.</summary>
    static string Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Where(Path.IsPathFullyQualified).Concat(["/usr/bin", "/bin", "/usr/local/bin"])
        .Select(folder => Path.Combine(folder, Program)).FirstOrDefault(File.Exists)
        ?? throw new IOException($"mounting as a user other than root needs the program {Program}, which is not installed (Debian's package fuse3 has it)");
}
