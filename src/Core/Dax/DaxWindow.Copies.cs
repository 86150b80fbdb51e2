using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>
/// For a VMM that maps only what is open for writing: files that never change are copied into memory of this guest's own. Where the session
/// has no others, all of the window that is not for lent files is one memory file that the VMM maps once: a mapping then costs no message,
/// and QEMU, whose time for each grows with the square of their number, has one.
/// </summary>
partial class DaxWindow
{
    Task<Errno>? _wholeMapped;
    WindowMemory? _whole;
    ulong _wholeStart;

    /// <summary>Counts what the VMM has dropped: what was asked for before is not there.</summary>
    int _wholeEpoch;

    /// <summary>Within the place's turn.</summary>
    /// <param name="request">Who asks.</param>
    /// <param name="mount">Where the file is.</param>
    /// <param name="node">The file.</param>
    /// <param name="place">What is to be copied, and where it is to be seen.</param>
    /// <param name="from">Where the part of the window begins in which everything is copied.</param>
    async ValueTask<Errno> CopyAsync(RequestContext request, Mount mount, NodeId node, MappingPlace place, ulong from)
    {
        if (place.Access != MapAccess.Read)
            return Errno.EROFS;
        if (oneImmutable && place.WindowOffset < from)
            return Errno.EINVAL;
        return oneImmutable
            ? await CopyIntoWholeAsync(request, mount, node, place, from).ConfigureAwait(false)
            : await CopyIntoPartAsync(request, mount, node, place).ConfigureAwait(false);
    }

    /// <summary>As a file is mapped, but for what is mapped.</summary>
    async ValueTask<Errno> CopyIntoPartAsync(RequestContext request, Mount mount, NodeId node, MappingPlace place)
    {
        var error = TryAllocate(place.WindowOffset, place.Length, out var allocated);
        if (error != Errno.None)
            return error;
        using var memory = allocated!;
        var copied = await FillAsync(request, mount, node, place.FileOffset, memory, place.WindowOffset, place.Length).ConfigureAwait(false);
        return copied.IsError
            ? copied.Error
            : await PutAsync(request, new WindowMapping(mount, null, node, place, new MappedExtent { Descriptor = memory.Descriptor, Length = copied.Value }), WindowTerms.None).ConfigureAwait(false);
    }

    async ValueTask<Errno> CopyIntoWholeAsync(RequestContext request, Mount mount, NodeId node, MappingPlace place, ulong from)
    {
        if (await TakeAsync(place.WindowOffset, place.WindowOffset + place.Length, wholly: false).ConfigureAwait(false) is var error and not Errno.None)
            return error;
        Task<Errno> mapped;
        lock (_lock)
        {
            if (!HasRoom(0))
                return Errno.ENOSPC;
            mapped = _closed ? Task.FromResult(Errno.EIO) : _wholeMapped ??= MapWholeAsync(_wholeStart = from);
        }
        error = await mapped.WaitAsync(request.Cancellation).ConfigureAwait(false);
        WindowMemory? memory;
        lock (_lock)
        {
            if (error != Errno.None && _wholeMapped == mapped)
                _wholeMapped = null;
            memory = _whole;
        }
        if (error != Errno.None)
            return ToGuest(error, request);
        if (memory?.TryHold() != true)
            return Errno.EIO;
        error = Errno.EIO;
        try
        {
            var copied = await FillAsync(request, mount, node, place.FileOffset, memory, place.WindowOffset, place.Length).ConfigureAwait(false);
            error = copied.IsError ? copied.Error : Enter(new WindowMapping(mount, null, node, place, new MappedExtent { Length = copied.Value }) { Memory = memory });
            return error;
        }
        finally
        {
            // Also of a copy that was cancelled nothing may be seen behind a shorter file's end.
            if (error != Errno.None)
                memory.Punch(place.WindowOffset, place.Length);
            memory.Release();
        }
    }

    static Errno TryAllocate(ulong start, ulong size, out WindowMemory? memory)
    {
        memory = null;
        try
        {
            memory = new WindowMemory(start, size);
            return Errno.None;
        }
        catch (SystemCallException exception)
        {
            return exception.Error;
        }
    }

    async Task<Errno> MapWholeAsync(ulong from)
    {
        var size = frontend.Size - from;
        var error = TryAllocate(from, size, out var allocated);
        if (error != Errno.None)
            return error;
        var memory = allocated!;
        int epoch;
        lock (_lock)
            epoch = _wholeEpoch;
        error = await frontend.MapAsync(memory.Descriptor, 0, from, size, writable: true, CancellationToken.None).ConfigureAwait(false);
        lock (_lock)
        {
            if (error == Errno.None && !_closed && epoch == _wholeEpoch)
            {
                _whole = memory;
                return Errno.None;
            }
        }
        memory.Dispose();
        return error == Errno.None ? Errno.EIO : Told(error, "map", from, size);
    }

    /// <summary>The VMM has dropped it, or is gone. Within the lock.</summary>
    void ForgetWhole()
    {
        _whole?.Dispose();
        _whole = null;
        _wholeMapped = null;
        _wholeEpoch++;
    }

    /// <summary>Reads a part of a file into memory; what follows its end in the last page are the zeros that were there.</summary>
    /// <returns>Bytes of whole pages; ENXIO: the file has nothing there; else what reading it answers.</returns>
    static async ValueTask<Reply<ulong>> FillAsync(RequestContext request, Mount mount, NodeId node, ulong fileOffset, WindowMemory memory, ulong offset, ulong length)
    {
        using var buffers = new IoBuffers(1);
        var done = 0UL;
        while (done < length)
        {
            buffers.Clear();
            memory.AppendTo(buffers, offset + done, length - done);
            var read = await mount.FileSystem.ReadAsync(request, node, default, fileOffset + done, buffers).ConfigureAwait(false);
            if (read.IsError)
                return read.Error;
            if (read.Value == 0)
                break;
            done += (ulong)read.Value;
        }
        return done == 0 ? Errno.ENXIO : DaxRange.Up(done);
    }
}
