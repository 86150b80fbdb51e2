using System.Text;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>Takes what a server writes, which cannot reach the system's log itself, over into the parent's log.</summary>
sealed unsafe class ServerLogRelay : IDisposable
{
    const int MaxLine = 4096;

    readonly FileDescriptor _reading;
    readonly ILogger _logger;
    readonly Thread _thread;

    public ServerLogRelay(ILogger logger)
    {
        _logger = logger;
        SystemCallException.ThrowIfError(Sockets.CreatePair(out var ours, out var theirs), "socketpair");
        _reading = new FileDescriptor(ours);
        Writing = new FileDescriptor(theirs);
        _thread = new Thread(Relay, 256 * 1024) { IsBackground = true, Name = "server log" };
        _thread.Start();
    }

    /// <summary>What becomes the server's stderr. Closed by the caller once the server has it.</summary>
    public FileDescriptor Writing { get; }

    /// <summary>Once the server has ended: waits until all that it wrote is in the log.</summary>
    public void Dispose()
    {
        Writing.Dispose();
        _thread.Join();
        _reading.Dispose();
    }

    void Relay()
    {
        var buffer = stackalloc byte[MaxLine];
        var line = new StringBuilder();
        while (FileIo.Read(_reading.Value, buffer, MaxLine) is var count and > 0)
        {
            foreach (var c in Encoding.UTF8.GetString(buffer, (int)count))
            {
                if (c != '\n' && line.Length < MaxLine)
                {
                    line.Append(c);
                    continue;
                }
                Write(line.ToString());
                line.Clear();
            }
        }
        if (line.Length > 0)
            Write(line.ToString());
    }

    void Write(string line)
    {
        var (level, message) = LogLine.Parse(line);
        Log.ServerSays(_logger, level, message);
    }
}
