using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Images;

public sealed partial class ImageFileSystem
{
    /// <summary>Linux' SEEK_DATA and SEEK_HOLE (linux/fs.h).</summary>
    const uint SeekData = 3, SeekHole = 4;

    /// <summary>A read that needs more pieces than this (a file of many small extents) keeps their words in the request's scratch memory.</summary>
    const int WordsOnStack = 64;

    /// <summary>How often a read may find a piece gone again before it gives up: each time one was evicted between its arrival and its use.</summary>
    const int MaxAttempts = 100;

    enum Attempt
    {
        Done,
        Absent,
    }

    public override ValueTask<Reply<int>> ReadAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, IoBuffers into)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<int>(Errno.ESTALE);
        if (!inode.IsRegular)
            return Failed<int>(inode.IsDirectory ? Errno.EISDIR : Errno.EINVAL);
        if (offset >= inode.Size)
            return new(0);
        into.Truncate((long)Math.Min(inode.Size - offset, int.MaxValue));
        if (into.Length == 0)
            return new(0);
        if (!TryLocate(inode, offset, (ulong)into.Length, out var range))
            return Failed<int>(Errno.EIO);
        return TryRead(request, range, into, out var reply) == Attempt.Done
            ? new(reply)
            : ReadWhenPresentAsync(request, range, into);
    }

    public override ValueTask<Reply<ulong>> SeekAsync(RequestContext request, NodeId node, HandleId handle, ulong offset, uint whence)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<ulong>(Errno.ESTALE);
        if (whence is not (SeekData or SeekHole) || !inode.IsRegular)
            return Failed<ulong>(Errno.EINVAL);
        if (offset >= inode.Size)
            return Failed<ulong>(Errno.ENXIO);
        if (!_tree.TryGetMap(inode, out var map))
            return Failed<ulong>(Errno.EIO);
        if (map.ExtentCount == 0)
            return new(whence == SeekData ? offset : inode.Size);
        var extent = map.ExtentAfter(offset);
        if (whence == SeekData)
        {
            // The map of a file that ends in a hole, or is one, has nothing after it, or an extent without length.
            if (extent == map.ExtentCount || map.StartOf(extent) >= inode.Size)
                return Failed<ulong>(Errno.ENXIO);
            return new(Math.Max(offset, map.StartOf(extent)));
        }

        if (extent == map.ExtentCount || map.StartOf(extent) > offset)
            return new(offset);
        return new(Math.Min(map.StartOf(extent) + map.LengthOf(extent), inode.Size));
    }

    /// <summary>Where bytes of a file lie, and which pieces hold them; false where the tree is damaged.</summary>
    bool TryLocate(in InodeRecord inode, ulong offset, ulong length, out ContentRange range)
    {
        range = default;
        if (inode.Layer >= _layers.Length || !_tree.TryGetMap(inode, out var map))
            return false;
        var layer = _tree.Layers[inode.Layer];
        var size = (ulong)layer.DataSize;
        if (inode.Location > size || inode.Size > size - inode.Location)
            return false;
        if ((ulong)inode.FirstPieceOrParent + inode.PieceCount > (ulong)layer.PieceCount)
            return false;
        range.Layer = inode.Layer;
        range.Offset = (long)(inode.Location + offset);
        range.FirstPiece = inode.FirstPieceOrParent;
        range.PieceCount = (int)Math.Min(inode.PieceCount, 1);
        if (map.PieceCount <= 1)
            return true;
        var first = map.PieceAt(offset);
        range.FirstPiece += first;
        range.PieceCount = Math.Max(map.PieceAt(offset + length - 1) - first, 0) + 1;
        return true;
    }

    /// <summary>
    /// Reads if all pieces are there. Their words are compared before and after: a piece that was evicted and filled
    /// anew in between had other bytes, or none, in the middle of the read.
    /// </summary>
    unsafe Attempt TryRead(RequestContext request, in ContentRange range, IoBuffers into, out Reply<int> reply)
    {
        var layer = _layers[range.Layer];
        var onStack = stackalloc ulong[WordsOnStack];
        var words = range.PieceCount <= WordsOnStack ? onStack : (ulong*)request.Scratch(range.PieceCount * sizeof(ulong));
        while (true)
        {
            for (var i = 0; i < range.PieceCount; i++)
            {
                words[i] = layer.WordOf(range.FirstPiece + i);
                if (!LayerContent.IsPresent(words[i]))
                {
                    reply = default;
                    return Attempt.Absent;
                }
            }

            var count = into.ReadFrom(layer.Descriptor, range.Offset);
            Interlocked.MemoryBarrier();
            var unchanged = true;
            for (var i = 0; i < range.PieceCount && unchanged; i++)
                unchanged = layer.WordOf(range.FirstPiece + i) == words[i];
            if (!unchanged)
                continue;
            if (range.PieceCount > 0)
                layer.Touch(range.FirstPiece, range.PieceCount);
            // Fewer bytes than the file has: the data file was cut short by someone.
            reply = count < 0 ? count.ToErrno() : count == into.Length ? (int)count : Errno.EIO;
            return Attempt.Done;
        }
    }

    async ValueTask<Reply<int>> ReadWhenPresentAsync(RequestContext request, ContentRange range, IoBuffers into)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            Errno error;
            try
            {
                error = await _layers[range.Layer].EnsureAsync(range.FirstPiece, range.PieceCount, request.Cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (request.TimedOut)
            {
                // As a disk that does not answer; a later read finds what has come meanwhile.
                return Errno.EIO;
            }

            // A full disk costs time, and is no error.
            if (error == Errno.ENOSPC)
                return await ReadThroughAsync(request, range, into).ConfigureAwait(false);
            if (error != Errno.None)
                return error;
            if (TryRead(request, range, into, out var reply) == Attempt.Done)
                return reply;
        }

        return Errno.EIO;
    }

    async ValueTask<Reply<int>> ReadThroughAsync(RequestContext request, ContentRange range, IoBuffers into)
    {
        into.Truncate(LayerCache.MaxReadThrough);
        ReadThrough through;
        try
        {
            through = await _layers[range.Layer]
                .ReadThroughAsync(range.FirstPiece, range.PieceCount, range.Offset, (int)into.Length, request.Cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (request.TimedOut)
        {
            return Errno.EIO;
        }

        using var memory = through.Memory;
        if (through.Error != Errno.None || memory is null)
            return through.Error == Errno.None ? Errno.EIO : through.Error;
        var count = into.ReadFrom(memory.Value, 0);
        return count < 0 ? count.ToErrno() : count == into.Length ? (int)count : Errno.EIO;
    }

    struct ContentRange
    {
        public int Layer;
        public int PieceCount;
        public long FirstPiece;

        /// <summary>In the layer's data file.</summary>
        public long Offset;
    }
}
