using System.Diagnostics;
using System.Globalization;
using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>
/// A mount's server in the background. The runtime cannot fork, so the program starts itself once more, and returns when that
/// says over a socket that the mount can be used, or why not.
/// </summary>
static unsafe class BackgroundServer
{
    /// <summary>What the server sends: this byte alone, or a line with its failure.</summary>
    const byte Ready = 0;

    const int StandardInput = 0;
    const int StandardOutput = 1;
    const int StandardError = 2;
    const uint LogMode = 0x1A0; // 0640

    /// <summary>Starts the server, and relays how that ended: 0 once the mount can be used, else the server's failure and its exit code.</summary>
    public static int Start(MountSettings settings, IReadOnlyList<string> arguments)
    {
        SystemCallException.ThrowIfError(Sockets.CreatePair(out var ours, out var theirs), "socketpair");
        using var receiving = new FileDescriptor(ours);
        using var sending = new FileDescriptor(theirs);
        SystemCallException.ThrowIfError(Descriptors.SetInheritable(theirs), "fcntl");
        var log = LogOf(settings);
        using var server = StartLogging(Again([arguments[0], MountCommand.ReadinessOption, theirs.ToString(CultureInfo.InvariantCulture), .. arguments.Skip(1)]), log);
        sending.Dispose();
        var answer = Receive(ours);
        if (answer is [Ready])
            return 0;
        server.WaitForExit();
        Console.Error.WriteLine(answer.Length > 0
            ? Encoding.UTF8.GetString(answer)
            : $"virtiofs-store: the server ended before the mount could be used (exit code {server.ExitCode}); its log is {log}");
        return server.ExitCode == 0 ? ProgramCommand.Failed : server.ExitCode;
    }

    /// <summary>Is the server: <paramref name="readiness"/> is its end of the socket.</summary>
    public static int Run(MountSettings settings, int readiness)
    {
        using var socket = new FileDescriptor(readiness);
        _ = Descriptors.SetCloseOnExec(readiness);
        try
        {
            return HostMount.Run(settings, LogOf(settings), () => SayReady(readiness));
        }
        catch (Exception exception) when (ProgramCommand.IsExpected(exception))
        {
            Send(readiness, Encoding.UTF8.GetBytes(ProgramCommand.Describe(exception)));
            throw;
        }
    }

    static string LogOf(MountSettings settings) => settings.LogFile ?? HostFolders.LogOf(settings.Device.MountPoint);

    /// <summary>This program: by its own file, or, where it was started by name of its library, by the runtime's.</summary>
    static ProcessStartInfo Again(string[] arguments)
    {
        var program = Environment.ProcessPath ?? throw new IOException("cannot find out which program this is (/proc is not mounted?); use --foreground");
        string[] library = Path.GetFileName(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        return new ProcessStartInfo(program, [.. library, .. arguments]);
    }

    static byte[] Receive(int socket)
    {
        const int Enough = 4096;
        var buffer = stackalloc byte[Enough];
        var length = 0;
        while (length < Enough)
        {
            var count = FileIo.Read(socket, buffer + length, (nuint)(Enough - length));
            if (count <= 0)
                break;
            length += (int)count;
            if (buffer[0] == Ready)
                break;
        }
        return new ReadOnlySpan<byte>(buffer, length).ToArray();
    }

    /// <summary>
    /// Starts a program whose streams are the log. This process takes them for its own meanwhile: the runtime keeps duplicates of what it
    /// is started with, so that redirecting in the server would come too late for what ends the runtime itself, and would keep a
    /// pipe of the caller's open for as long as it serves.
    /// </summary>
    static Process StartLogging(ProcessStartInfo start, string log)
    {
        if (Path.GetDirectoryName(log) is { } folder)
            Directory.CreateDirectory(folder, HostFolders.OwnerWrites);
        using var file = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open(log, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_APPEND, LogMode), "open", $"{log} (--log-file names another)"));
        using var nothing = new FileDescriptor(SystemCallException.ThrowIfError(Descriptors.Open("/dev/null", OpenFlags.O_RDONLY), "open", "/dev/null"));
        int[] before = [Descriptors.Duplicate(StandardInput), Descriptors.Duplicate(StandardOutput), Descriptors.Duplicate(StandardError)];
        try
        {
            SystemCallException.ThrowIfError(Descriptors.ReplaceInheritable(nothing.Value, StandardInput), "dup3");
            SystemCallException.ThrowIfError(Descriptors.ReplaceInheritable(file.Value, StandardOutput), "dup3");
            SystemCallException.ThrowIfError(Descriptors.ReplaceInheritable(file.Value, StandardError), "dup3");
            return Process.Start(start)!;
        }
        finally
        {
            for (var stream = 0; stream < before.Length; stream++)
            {
                // A stream that was closed is as good as one that goes nowhere.
                if (before[stream] < 0)
                    continue;
                _ = Descriptors.ReplaceInheritable(before[stream], stream);
                _ = Descriptors.Close(before[stream]);
            }
        }
    }

    /// <summary>
    /// Only now it leaves the terminal's process group: until here an interrupt is meant for it as well. False: whoever asked for the
    /// mount has gone.
    /// </summary>
    static bool SayReady(int readiness)
    {
        _ = Processes.StartSession();
        // What it was started in can be unmounted.
        Directory.SetCurrentDirectory("/");
        return Send(readiness, [Ready]);
    }

    static bool Send(int readiness, ReadOnlySpan<byte> message)
    {
        fixed (byte* bytes = message)
            return Sockets.Send(readiness, bytes, (nuint)message.Length) == message.Length;
    }
}
