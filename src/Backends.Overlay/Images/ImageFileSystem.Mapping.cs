using VirtioFsStore.Backends.ObjectStore.Fetching;
using VirtioFsStore.Backends.Overlay.Tree;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Backends.Overlay.Images;

/// <summary>
/// Files in a guest's window: pages of the layer's data file, where each file begins a page and the rest of its last one is zeros, so that any
/// can be mapped whole. They are there and verified before they are mapped, and pinned as long as they are.
/// </summary>
public sealed partial class ImageFileSystem
{
    /// <inheritdoc/>
    public ValueTask<Reply<MappedExtent>> MapAsync(RequestContext request, NodeId node, ulong offset, ulong length, MapAccess access, bool asWritable)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<MappedExtent>(Errno.ESTALE);
        if (!inode.IsRegular)
            return Failed<MappedExtent>(inode.IsDirectory ? Errno.EISDIR : Errno.EACCES);
        if (access != MapAccess.Read || asWritable)
            return Failed<MappedExtent>(Errno.EROFS);
        if (offset >= inode.Size)
            return Failed<MappedExtent>(Errno.ENXIO);
        if (!TryLocatePages(inode, offset, length, out var range, out var mapped))
            return Failed<MappedExtent>(Errno.EIO);
        return TryPin(range, mapped, out var extent) == Errno.None ? new(extent) : MapWhenPresentAsync(request, range, mapped);
    }

    /// <inheritdoc/>
    public void Unmap(in MappedExtent extent)
    {
        if (extent.Note != 0)
            _layers[extent.Note - 1].Pins.Remove((long)extent.FileOffset, (long)extent.Length);
    }

    /// <summary>The pieces of a part of a file, and how many bytes of pages hold it in the data file; false where the tree is damaged.</summary>
    bool TryLocatePages(in InodeRecord inode, ulong offset, ulong length, out ContentRange range, out long mapped)
    {
        mapped = 0;
        var bytes = Math.Min(length, inode.Size - offset);
        if (!TryLocate(inode, offset, bytes, out range))
            return false;
        // At most the data file's size, which is a number of whole pages.
        mapped = (long)DaxRange.Up(bytes);
        return DaxRange.IsAligned((ulong)range.Offset) && range.Offset <= _tree.Layers[inode.Layer].DataSize - mapped;
    }

    /// <summary>ENODATA: a piece is absent; EAGAIN: something of it is being evicted at this moment.</summary>
    Errno TryPin(in ContentRange range, long length, out MappedExtent extent)
    {
        extent = default;
        if (!IsPresent(range))
            return Errno.ENODATA;
        var layer = _layers[range.Layer];
        var error = layer.Pins.Add(range.Offset, length);
        if (error != Errno.None)
            return error;
        // A piece that was evicted in between was so before the pin, and is none of those that stay.
        if (!IsPresent(range))
        {
            layer.Pins.Remove(range.Offset, length);
            return Errno.ENODATA;
        }
        if (range.PieceCount > 0)
            layer.Touch(range.FirstPiece, range.PieceCount);
        extent = new MappedExtent { Descriptor = layer.Descriptor, FileOffset = (ulong)range.Offset, Length = (ulong)length, Note = range.Layer + 1 };
        return Errno.None;
    }

    bool IsPresent(in ContentRange range)
    {
        var layer = _layers[range.Layer];
        for (var i = 0; i < range.PieceCount; i++)
        {
            if (!LayerContent.IsPresent(layer.WordOf(range.FirstPiece + i)))
                return false;
        }
        return true;
    }

    async ValueTask<Reply<MappedExtent>> MapWhenPresentAsync(RequestContext request, ContentRange range, long length)
    {
        try
        {
            for (var attempt = 0; attempt < MaxAttempts; attempt++)
            {
                var error = await _layers[range.Layer].EnsureAsync(range.FirstPiece, range.PieceCount, request.Cancellation).ConfigureAwait(false);
                if (error == Errno.ENOSPC)
                    return await MapMemoryAsync(request, range, length).ConfigureAwait(false);
                if (error != Errno.None)
                    return error;
                error = TryPin(range, length, out var extent);
                if (error == Errno.None)
                    return extent;
                if (error is not (Errno.EAGAIN or Errno.ENODATA))
                    return Errno.EIO;
                // Nobody tells when a lock on a range is gone; eviction holds each for as long as punching a hole takes.
                if (error == Errno.EAGAIN)
                    await Task.Delay(1, request.Cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (request.TimedOut)
        {
            // As a disk that does not answer.
        }
        return Errno.EIO;
    }

    /// <summary>Where the disk has no room for what is absent: memory of this guest's own, which costs as much as the mapping is long.</summary>
    async ValueTask<Reply<MappedExtent>> MapMemoryAsync(RequestContext request, ContentRange range, long length)
    {
        length = Math.Min(length, LayerCache.MaxReadThrough);
        var through = await _layers[range.Layer]
            .ReadThroughAsync(range.FirstPiece, range.PieceCount, range.Offset, (int)length, request.Cancellation).ConfigureAwait(false);
        using var memory = through.Memory;
        if (through.Error != Errno.None || memory is null)
            return through.Error == Errno.None ? Errno.EIO : through.Error;
        return new MappedExtent { Descriptor = memory.Release(), IsCallersDescriptor = true, Length = (ulong)length };
    }
}
