using System.IO.Pipes;
using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Logging;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Logging;

public sealed class LineWriterTests : IDisposable
{
    readonly AnonymousPipeServerStream _reader = new(PipeDirection.In, HandleInheritability.None);
    readonly LineWriter _writer;

    public LineWriterTests() => _writer = new LineWriter((int)_reader.ClientSafePipeHandle.DangerousGetHandle());

    public void Dispose() => _reader.Dispose();

    [Fact]
    public void A_line_longer_than_a_pipe_takes_at_once_comes_whole()
    {
        var line = new string('x', 10_000) + "\n";

        _writer.Write(line);

        Assert.Equal(line, Read(line.Length));
    }

    [Fact]
    public void Who_does_not_read_is_not_waited_for_and_learns_what_was_lost()
    {
        var line = new string('x', 999) + "\n";
        // A pipe holds 64 KiB.
        for (var i = 0; i < 100; i++)
            _writer.Write(line);
        var kept = ReadAll();

        _writer.Write("after\n");

        Assert.InRange(kept.Length, line.Length, 99 * line.Length);
        Assert.EndsWith(line, kept, StringComparison.Ordinal);
        Assert.Matches(@" WARN\] \d+ messages before this one were lost.*\nafter\n$", ReadAll());
    }

    /// <summary>What is there now.</summary>
    string ReadAll()
    {
        var all = new StringBuilder();
        while (Polling.Poll([new PollEntry((int)_reader.SafePipeHandle.DangerousGetHandle(), Polling.POLLIN)], 0) > 0)
            all.Append(Read(1));
        return all.ToString();
    }

    string Read(int length)
    {
        var bytes = new byte[length];
        _reader.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }
}
