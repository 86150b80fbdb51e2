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
    /// <summary>Of each layer, its data file open for writing, though nobody can write to it; null until all were lent.</summary>
    FileDescriptor?[]? _lent;

    volatile bool _isClosed;

    /// <inheritdoc/>
    public async ValueTask<Errno> LendAsync(CancellationToken cancellation)
    {
        if (!MayLend)
            return Errno.EACCES;
        if (Volatile.Read(ref _lent) is not null)
            return Errno.None;
        var lent = new FileDescriptor?[_layers.Length];
        var isKept = false;
        try
        {
            for (var layer = 0; layer < lent.Length; layer++)
            {
                if (_tree.Layers[layer].DataSize == 0)
                    continue;
                (var error, lent[layer]) = await _layers[layer].LendAsync(cancellation).ConfigureAwait(false);
                if (error != Errno.None)
                    return error;
                if (lent[layer] is null || !IsDataOf(layer, lent[layer]!))
                    return Errno.EIO;
            }
            isKept = Interlocked.CompareExchange(ref _lent, lent, null) is null;
            if (!_isClosed)
                return Errno.None;
            Close(Interlocked.Exchange(ref _lent, null));
            return Errno.EIO;
        }
        finally
        {
            if (!isKept)
                Close(lent);
        }
    }

    /// <summary>Whether what was lent is the very file that this serves: a keeper that came later may have another.</summary>
    bool IsDataOf(int layer, FileDescriptor lent) =>
        FileShape.OfDescriptor(lent.Value, out var shape) == 0 && FileShape.OfDescriptor(_layers[layer].Descriptor, out var served) == 0
        && (shape.Device, shape.Inode) == (served.Device, served.Inode);

    static void Close(FileDescriptor?[]? lent)
    {
        foreach (var file in lent ?? [])
            file?.Dispose();
    }

    /// <inheritdoc/>
    public ValueTask<Reply<MappedExtent>> MapAsync(RequestContext request, NodeId node, ulong offset, ulong length, MapAccess access, bool asWritable)
    {
        if (!_tree.TryGetInode(node.Value, out var inode))
            return Failed<MappedExtent>(Errno.ESTALE);
        if (!inode.IsRegular)
            return Failed<MappedExtent>(inode.IsDirectory ? Errno.EISDIR : Errno.EACCES);
        if (access != MapAccess.Read)
            return Failed<MappedExtent>(Errno.EROFS);
        if (offset >= inode.Size)
            return Failed<MappedExtent>(Errno.ENXIO);
        if (!TryLocatePages(inode, offset, length, out var range, out var mapped))
            return Failed<MappedExtent>(Errno.EIO);
        if (asWritable)
            return IsPresent(range) ? new(FindLent(range, mapped)) : MapMemoryAsync(request, range, mapped);
        return TryPin(range, mapped, out var extent) == Errno.None ? new(extent) : MapWhenPresentAsync(request, range, mapped);
    }

    /// <inheritdoc/>
    public void Unmap(in MappedExtent extent)
    {
        if (extent.Note != 0)
            _layers[extent.Note - 1].Pins.Remove((long)extent.FileOffset, (long)extent.Length);
    }

    /// <summary>All of a layer that was lent is there, and stays, unless it was found damaged: then there are no right bytes in the file.</summary>
    Reply<MappedExtent> FindLent(in ContentRange range, long length)
    {
        if (Volatile.Read(ref _lent)?[range.Layer] is not { } file)
            return Errno.ENXIO;
        if (range.PieceCount > 0)
            _layers[range.Layer].Touch(range.FirstPiece, range.PieceCount);
        return new MappedExtent { Descriptor = file.Value, FileOffset = (ulong)range.Offset, Length = (ulong)length };
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
            var error = Errno.None;
            for (var attempt = 0; attempt < MaxAttempts; attempt++)
            {
                error = await _layers[range.Layer].EnsureAsync(range.FirstPiece, range.PieceCount, request.Cancellation).ConfigureAwait(false);
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
            // Whoever holds the lock for so long evicts nothing: a VMM to which the file is lent can take it, too.
            if (error == Errno.EAGAIN)
                return await MapMemoryAsync(request, range, length).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (request.TimedOut)
        {
            // As a disk that does not answer.
        }
        return Errno.EIO;
    }

    /// <summary>Where what is absent cannot be written: memory of this guest's own, which costs as much as the mapping is long.</summary>
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
