using System.Diagnostics;
using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.Hosting;

/// <summary>
/// A daemon as a child process: started, waited for by the line it writes when it is ready, ended by its pid. What it writes
/// to stderr is kept for messages. Dispose kills it if it still runs.
/// </summary>
public sealed class ChildProcess : IDisposable
{
    /// <summary>What virtiofsd and virtiofs-store both print when a VMM can connect; callers wait for it.</summary>
    public const string ReadyText = "Waiting for vhost-user socket connection";

    readonly Process _process;
    /// <summary>A child of its own may keep the stream open.</summary>
    static readonly TimeSpan s_lastWords = TimeSpan.FromSeconds(10);

    readonly StringBuilder _error = new();
    readonly StringBuilder _output = new();
    readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly string _readyText;
    int _readyCount;

    ChildProcess(
        string program, IEnumerable<string> arguments, string readyText, IReadOnlyDictionary<string, string>? environment, string? workingDirectory)
    {
        _readyText = readyText;
        var start = new ProcessStartInfo(program) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        if (workingDirectory is not null)
            start.WorkingDirectory = workingDirectory;
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.OutputDataReceived += (_, line) =>
        {
            lock (_output)
                _output.Append(line.Data is null ? "" : line.Data + "\n");
        };
        _process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException($"{program} ended before it was ready."));
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>What it wrote to stderr so far.</summary>
    public string ErrorText
    {
        get
        {
            lock (_error)
                return _error.ToString();
        }
    }

    /// <summary>What it wrote to stdout so far.</summary>
    public string OutputText
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>How many times the line of readiness came: more than once where it listens again.</summary>
    public int ReadyCount
    {
        get
        {
            lock (_error)
                return _readyCount;
        }
    }

    /// <summary>Starts a program and returns when it has said that it is ready.</summary>
    public static ChildProcess Start(
        string program,
        IEnumerable<string> arguments,
        TimeSpan? timeout = null,
        string readyText = ReadyText,
        IReadOnlyDictionary<string, string>? environment = null,
        string? workingDirectory = null)
    {
        var child = Launch(program, arguments, readyText, environment, workingDirectory);
        try
        {
            if (!child._ready.Task.Wait(timeout ?? TimeSpan.FromSeconds(60)))
                throw new TimeoutException($"{program} did not become ready.");
            return child;
        }
        catch (Exception exception)
        {
            // Its end may be seen before its last words are read.
            if (child.HasExited)
                _ = Task.Run(child._process.WaitForExit).Wait(s_lastWords);
            child.Dispose();
            throw new InvalidOperationException($"{program} did not start. It wrote: {child.ErrorText}", exception);
        }
    }

    /// <summary>Starts a program without waiting.</summary>
    public static ChildProcess Launch(
        string program,
        IEnumerable<string> arguments,
        string readyText = ReadyText,
        IReadOnlyDictionary<string, string>? environment = null,
        string? workingDirectory = null) => new(program, arguments, readyText, environment, workingDirectory);

    /// <summary>Waits until the line of readiness has come <paramref name="count"/> times.</summary>
    public bool WaitReady(int count, TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        lock (_error)
        {
            while (_readyCount < count)
            {
                var left = deadline - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(_error, (int)left))
                    return _readyCount >= count;
            }
            return true;
        }
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Signal(Native.SIGTERM);

    /// <summary>SIGKILL.</summary>
    public void Kill() => Signal(Native.SIGKILL);

    /// <summary>SIGSTOP: it does nothing until <see cref="Thaw"/>, and can be killed meanwhile.</summary>
    public void Freeze()
    {
        Signal(Native.SIGSTOP);
        // The signal is sent, not yet taken: the state tells ("T", proc(5)).
        var stat = $"/proc/{Id}/stat";
        if (!SpinWait.SpinUntil(() => File.ReadAllText(stat).Split(')')[^1].StartsWith(" T", StringComparison.Ordinal), TimeSpan.FromSeconds(20)))
            throw new TimeoutException("The process does not stop.");
    }

    public void Thaw() => Signal(Native.SIGCONT);

    /// <summary>Waits for the end. False if it still runs.</summary>
    public bool WaitForExit(TimeSpan timeout)
    {
        if (!_process.WaitForExit(timeout))
            return false;
        // Without a limit, this also waits for the ends of the streams.
        _process.WaitForExit();
        return true;
    }

    /// <summary>Open descriptors of the process.</summary>
    public int CountDescriptors() => Directory.GetFiles($"/proc/{Id}/fd").Length;

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    void Signal(int signal)
    {
        var result = Native.Kill(Id, signal);
        if (result < 0 && result.ToErrno() != Errno.ESRCH)
            SystemCallException.ThrowIfError(result, "kill");
    }

    void Note(string? line)
    {
        if (line is null)
            return;
        lock (_error)
        {
            _error.AppendLine(line);
            if (!line.Contains(_readyText, StringComparison.Ordinal))
                return;
            _readyCount++;
            Monitor.PulseAll(_error);
        }
        _ready.TrySetResult();
    }
}
