using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>
/// Writes whole lines to a descriptor that others may have too, such as stderr. Callers that read no further than the line they wait for
/// leave a full pipe behind: what it does not take after a while is dropped and counted, so that no guest ever waits for a log.
/// </summary>
sealed unsafe class LineWriter(int fd)
{
    /// <summary>A pipe that can be written to at all takes so much without waiting (PIPE_BUF).</summary>
    const int Piece = 4096;

    const int PatienceMilliseconds = 100;

    readonly Lock _lock = new();
    long _lost;

    public void Write(string line)
    {
        lock (_lock)
        {
            if (_lost > 0)
            {
                // Who did not read before is not waited for again.
                if (!IsWritable(0) || !TryWrite(LogLine.Format(LogLevel.Warning, string.Create(CultureInfo.InvariantCulture, $"{_lost} messages before this one were lost: nobody read them"))))
                {
                    _lost++;
                    return;
                }
                _lost = 0;
            }
            if (!TryWrite(line))
                _lost++;
        }
    }

    bool TryWrite(string line)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(line);
        while (!rest.IsEmpty)
        {
            if (!IsWritable(PatienceMilliseconds))
                return false;
            nint written;
            fixed (byte* bytes = rest)
                written = FileIo.Write(fd, bytes, (nuint)Math.Min(rest.Length, Piece));
            if (written <= 0)
                return false;
            rest = rest[(int)written..];
        }
        return true;
    }

    bool IsWritable(int milliseconds)
    {
        Span<PollEntry> entries = [new PollEntry(fd, Polling.POLLOUT)];
        return Polling.Poll(entries, milliseconds) > 0 && (entries[0].Returned & Polling.POLLOUT) != 0;
    }
}
