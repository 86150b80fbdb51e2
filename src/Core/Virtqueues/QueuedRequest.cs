using System.Runtime.InteropServices;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Virtqueues;

/// <summary>
/// What a queue keeps about a request: its head, the guest addresses of its reply buffers (for the dirty log: the scatter list
/// itself is consumed by whoever writes the reply), and the regions it points into. Pooled with the request.
/// </summary>
sealed unsafe class QueuedRequest : IDisposable
{
    Segment* _writable;
    int _writableCapacity = 16;
    GuestRegion[] _regions = new GuestRegion[4];
    int _regionCount;

    public QueuedRequest(TransportRequest request, int queueIndex, ICompletionTarget target)
    {
        Request = request;
        request.QueueIndex = queueIndex;
        request.TransportState = this;
        request.Target = target;
        _writable = (Segment*)NativeMemory.Alloc((nuint)_writableCapacity, (nuint)sizeof(Segment));
    }

    ~QueuedRequest() => Free();

    public TransportRequest Request { get; }

    public ushort Head { get; private set; }

    /// <summary>Bytes the guest left for the reply.</summary>
    public uint WritableLength { get; private set; }

    /// <summary>The next in a list of finished requests.</summary>
    public QueuedRequest? Next { get; set; }

    int WritableCount { get; set; }

    public void Begin(ushort head)
    {
        Head = head;
        Request.Readable.Clear();
        Request.Writable.Clear();
        Request.BytesWritten = 0;
        Request.TouchableReadable = Request.TouchableWritable = long.MaxValue;
        WritableLength = 0;
        WritableCount = 0;
        _regionCount = 0;
    }

    public void AddReadable(GuestRegion region, ulong offset, uint length)
    {
        if (region.IsOfWindow)
            Request.TouchableReadable = Math.Min(Request.TouchableReadable, Request.Readable.Length);
        Request.Readable.Append(region.Host + offset, length);
        Touch(region);
    }

    public void AddWritable(GuestRegion region, ulong offset, uint length)
    {
        if (region.IsOfWindow)
            Request.TouchableWritable = Math.Min(Request.TouchableWritable, Request.Writable.Length);
        Request.Writable.Append(region.Host + offset, length);
        Touch(region);
        if (WritableCount == _writableCapacity)
        {
            _writableCapacity *= 2;
            _writable = (Segment*)NativeMemory.Realloc(_writable, (nuint)_writableCapacity * (nuint)sizeof(Segment));
        }
        _writable[WritableCount++] = new Segment(region.Info.GuestAddress + offset, length);
        WritableLength += length;
    }

    /// <summary>Keeps the regions mapped while the request waits.</summary>
    public void Pin()
    {
        for (var i = 0; i < _regionCount; i++)
            _regions[i].Pin();
    }

    /// <summary>True if a region has no pin left.</summary>
    public bool Unpin()
    {
        var last = false;
        for (var i = 0; i < _regionCount; i++)
            last |= _regions[i].Unpin();
        return last;
    }

    /// <summary>
    /// Marks all reply buffers as written, not only the reply's bytes: an operation that failed may have written some before.
    /// </summary>
    public void LogWrites(DirtyLog log)
    {
        for (var i = 0; i < WritableCount; i++)
            log.Mark(_writable[i].Address, _writable[i].Length);
    }

    /// <summary>Lets go of the regions, so that a pool does not keep them.</summary>
    public void End()
    {
        Array.Clear(_regions, 0, _regionCount);
        _regionCount = 0;
    }

    public void Dispose()
    {
        Request.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    void Touch(GuestRegion region)
    {
        for (var i = _regionCount - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_regions[i], region))
                return;
        }
        if (_regionCount == _regions.Length)
            Array.Resize(ref _regions, _regionCount * 2);
        _regions[_regionCount++] = region;
    }

    void Free()
    {
        NativeMemory.Free(_writable);
        _writable = null;
    }

    readonly struct Segment(ulong address, uint length)
    {
        public readonly ulong Address = address;
        public readonly uint Length = length;
    }
}
