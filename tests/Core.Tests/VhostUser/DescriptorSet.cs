using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Tests.VhostUser;

/// <summary>
/// Socket pairs whose far ends are given away: a near end sees its end of file when nobody holds the far end any more, in
/// whatever process or message. So a leak is found without counting the numbers of a process in which other tests run.
/// </summary>
sealed unsafe class DescriptorSet : IDisposable
{
    readonly List<(int First, int Second)> _pairs = [];

    public DescriptorSet(int count)
    {
        for (var i = 0; i < count; i++)
        {
            SystemCallException.ThrowIfError(Sockets.CreatePair(out var first, out var second), "socketpair");
            _pairs.Add((first, second));
        }
    }

    /// <summary>The far ends; this object lets go of them.</summary>
    public int[] Duplicates()
    {
        var duplicates = _pairs.ConvertAll(pair => Descriptors.Duplicate(pair.Second));
        for (var i = 0; i < _pairs.Count; i++)
        {
            _ = Descriptors.Close(_pairs[i].Second);
            _pairs[i] = (_pairs[i].First, -1);
        }
        return [.. duplicates];
    }

    /// <summary>How many of the far ends somebody still holds.</summary>
    public int OpenDuplicates() => _pairs.Count(pair => !IsAtEnd(pair.First));

    /// <summary>Waits until nobody holds any.</summary>
    public bool WaitAllClosed(TimeSpan patience)
    {
        foreach (var (first, _) in _pairs)
        {
            Span<PollEntry> entries = [new PollEntry(first, Polling.POLLIN)];
            if (Polling.Poll(entries, (int)patience.TotalMilliseconds) <= 0 || !IsAtEnd(first))
                return false;
        }
        return true;
    }

    public void Dispose()
    {
        foreach (var (first, second) in _pairs)
        {
            _ = Descriptors.Close(first);
            if (second >= 0)
                _ = Descriptors.Close(second);
        }
    }

    static bool IsAtEnd(int fd)
    {
        byte value;
        return Sockets.Receive(fd, &value, 1, [], out _, out _, Sockets.MSG_DONTWAIT) == 0;
    }
}
