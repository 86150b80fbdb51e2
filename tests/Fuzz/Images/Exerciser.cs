using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Fuzz.Images;

/// <summary>Every operation on every node of an image, and on some that are none. Answers may be wrong; they must be answers, and in time.</summary>
sealed class Exerciser : IDisposable
{
    const int Most = 400;
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly CheckRequest _request = new();
    readonly byte[] _buffer = GC.AllocateArray<byte>(30_000, pinned: true);

    public unsafe void Run(ImageFileSystem system)
    {
        var count = Math.Min(system.InodeCount, Most);
        for (var position = 0ul; position <= count + 2ul; position++)
        {
            var node = new NodeId(position);
            foreach (var name in (string[])["a", "dir", "big", "sparse", "f0"])
                Now(system.LookupAsync(_request.SetName(System.Text.Encoding.ASCII.GetBytes(name)), node));
            Now(system.GetAttributesAsync(_request, node, null));
            Now(system.ReadLinkAsync(_request, node, 4096));
            Now(system.OpenAsync(_request, node, default));
            Now(system.AccessAsync(_request, node, 7));
            Now(system.ReadDirectoryAsync(_request, node, HandleId.None, position % 3, new ListingWriter(20)));
            Now(system.ListXattrAsync(_request, node, 0));
            Now(system.ListXattrAsync(_request, node, 65536));
            Now(system.GetXattrAsync(_request.SetName("user.a"u8), node, 65536));
            Now(system.StatisticsAsync(_request, node));
            foreach (var offset in (ReadOnlySpan<ulong>)[0, 4999, 1 << 20, 1ul << 40, ulong.MaxValue - 5])
            {
                Now(system.SeekAsync(_request, node, HandleId.None, offset, 3));
                Now(system.SeekAsync(_request, node, HandleId.None, offset, 4));
                fixed (byte* start = _buffer)
                    InTime(system.ReadAsync(_request, node, HandleId.None, offset, _request.ReadInto(start, _buffer.Length)));
            }
        }
    }

    public void Dispose() => _request.Dispose();

    /// <summary>What a damaged state file says to be absent is fetched.</summary>
    static void InTime<T>(ValueTask<T> operation)
    {
        if (!operation.AsTask().Wait(s_patience))
            throw new FuzzException("a read waits and waits");
    }

    static void Now<T>(ValueTask<T> operation)
    {
        if (!operation.IsCompleted)
            throw new FuzzException("an operation waits that has nothing to wait for");
        _ = operation.GetAwaiter().GetResult();
    }
}
