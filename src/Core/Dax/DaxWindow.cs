using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>
/// What is mapped in the window of one connection. A mapping is in the table from when the VMM has it until it is asked to drop it, and its
/// file system keeps the bytes until the VMM has answered, has dropped all by itself, or is gone. Thread-safe.
/// </summary>
/// <param name="frontend">The VMM.</param>
/// <param name="logger">Told what the VMM refuses.</param>
/// <param name="oneImmutable">All files are those of one file system that never changes.</param>
sealed partial class DaxWindow(IWindowFrontend frontend, ILogger logger, bool oneImmutable)
{
    readonly WindowTurns _turns = new();
    readonly Lock _lock = new();

    /// <summary>Ordered by place, without overlaps.</summary>
    readonly List<WindowMapping> _mappings = [];

    /// <summary>What the VMM was asked to drop, and may still show its guest: it has not answered yet, or cannot any more.</summary>
    readonly List<WindowMapping> _leaving = [];

    bool _closed;

    /// <summary>Parts that the VMM is being asked for.</summary>
    int _asked;

    int _refusalTold;
    int _unmappableTold;
    int _mostParts;
    ulong _copiedInAll;

    /// <summary>One for each of Linux' ranges: bounds what a guest can make this side and the VMM hold.</summary>
    int MaxMappings => (int)Math.Min(frontend.Size / DaxRange.Size, int.MaxValue);

    /// <summary>Whether there may be one more. Within the lock.</summary>
    /// <param name="parts">That the VMM would have to hold for it.</param>
    bool HasRoom(int parts) => _mappings.Count < MaxMappings && (parts == 0 || HasRoomForParts(parts));

    /// <summary>Whether the VMM may hold more. Within the lock.</summary>
    bool HasRoomForParts(int parts) => Parts + _asked + parts <= frontend.MaxMappings;

    /// <summary>What is mapped, and was.</summary>
    public WindowCounts Counts
    {
        get
        {
            lock (_lock)
            {
                var (mapped, copied) = (0UL, 0UL);
                foreach (var mapping in _mappings)
                {
                    mapped += mapping.End - mapping.Start;
                    copied += mapping.IsCopy ? mapping.End - mapping.Start : 0;
                }
                return new WindowCounts(_mappings.Count, Parts, _mostParts, mapped, copied, _copiedInAll);
            }
        }
    }

    /// <summary>What the VMM holds. Within the lock.</summary>
    int Parts => _mappings.Sum(mapping => mapping.Parts) + (_whole is null ? 0 : 1);

    /// <summary>After a change of the table. Within the lock.</summary>
    void NoteParts() => _mostParts = Math.Max(_mostParts, Parts);

    /// <summary>Maps a part of a file in place of whatever was there.</summary>
    /// <param name="request">Who asks.</param>
    /// <param name="mount">Where the file is.</param>
    /// <param name="files">The mount's file system.</param>
    /// <param name="node">The file.</param>
    /// <param name="place">What is to be mapped, and where.</param>
    /// <param name="choosesFiles">This side says which files the guest maps, so that there are no more mappings than files are worth one.</param>
    /// <returns>EINVAL: no such place; ENXIO: the file has nothing there; ENOSPC: there are too many mappings; EAGAIN: to be tried again; EIO:
    /// the VMM does not do it; else what the file system says.</returns>
    public async ValueTask<Errno> SetupAsync(RequestContext request, Mount mount, IMappable files, NodeId node, MappingPlace place, bool choosesFiles)
    {
        if (!Holds(place.WindowOffset, place.Length))
            return Errno.EINVAL;
        if (!DaxRange.IsAligned(place.FileOffset) || place.FileOffset > long.MaxValue - place.Length)
            return Errno.EINVAL;
        var terms = await LearnTermsAsync(request.Cancellation).ConfigureAwait(false);
        if (terms.IsError)
            return ToGuest(terms.Error, request);
        var turn = await _turns.EnterAsync(place.WindowOffset, place.Length, request.Cancellation).ConfigureAwait(false);
        try
        {
            if (IsThere(mount, node, place))
                return Errno.None;
            if (MapsForWriting && (mount.FileSystem.Traits & FileSystemTraits.Immutable) != 0)
            {
                var shared = await IsLentAsync(mount, files, choosesFiles, request.Cancellation).ConfigureAwait(false) ? SharedEnd : 0;
                if (place.WindowOffset + place.Length > shared)
                    return await CopyAsync(request, mount, node, place, shared).ConfigureAwait(false);
            }
            var found = await files.MapAsync(request, node, place.FileOffset, place.Length, place.Access, MapsForWriting).ConfigureAwait(false);
            if (found.Error == Errno.ENXIO && !choosesFiles && Interlocked.Exchange(ref _unmappableTold, 1) == 0)
                Log.CannotBeRead(logger, mount.Path);
            if (found.IsError)
                return found.Error;
            var mapping = new WindowMapping(mount, files, node, place, found.Value);
            var error = Errno.EIO;
            try
            {
                error = await PutAsync(request, mapping, terms.Value).ConfigureAwait(false);
            }
            finally
            {
                if (mapping.Extent.IsCallersDescriptor)
                    _ = Descriptors.Close(mapping.Extent.Descriptor);
                if (error != Errno.None)
                    Release(mapping);
            }
            return error == Errno.None && mapping.HasTail && (terms.Value & WindowTerms.BehindEnd) == 0
                ? await CatchUpAsync(request, mapping).ConfigureAwait(false)
                : error;
        }
        finally
        {
            _turns.Leave(turn);
        }
    }

    /// <summary>Drops all mappings in a part of the window.</summary>
    /// <returns>EINVAL: there are none, or one is there in part only; EIO: the VMM does not do it.</returns>
    public async ValueTask<Errno> RemoveAsync(RequestContext request, ulong start, ulong length)
    {
        if (!Holds(start, length))
            return Errno.EINVAL;
        var turn = await _turns.EnterAsync(start, length, request.Cancellation).ConfigureAwait(false);
        try
        {
            return await TakeAsync(start, start + length, wholly: true).ConfigureAwait(false);
        }
        finally
        {
            _turns.Leave(turn);
        }
    }

    /// <summary>Forgets all. No request is under way.</summary>
    /// <param name="tell">The VMM is to drop it too, before whatever it is asked from now on; else it has done so by itself.</param>
    public void DropAll(bool tell)
    {
        if (!tell)
        {
            Array.ForEach(TakeAll(), Release);
            return;
        }
        Array.ForEach(Take(_ => true), taken => _ = LeaveAsync(taken.Mapping, taken.Removal));
        lock (_lock)
        {
            // The next session may have its copies in another part of the window, or none.
            if (_wholeMapped is not null)
                _ = frontend.Unmap(_wholeStart, frontend.Size - _wholeStart);
            ForgetWhole();
            _lent.Clear();
        }
    }

    WindowMapping[] TakeAll()
    {
        lock (_lock)
        {
            WindowMapping[] all = [.. _mappings, .. _leaving];
            frontend.Forget();
            ForgetWhole();
            _lent.Clear();
            _mappings.Clear();
            CountTails();
            _leaving.Clear();
            return all;
        }
    }

    /// <summary>Drops what is mapped of a mount that nobody uses any more.</summary>
    public async ValueTask DropAsync(Mount mount)
    {
        var taken = Take(mapping => mapping.Mount == mount);
        lock (_lock)
            _lent.Remove(mount);
        foreach (var (mapping, removal) in taken)
            _ = await DroppedAsync(mapping, removal).ConfigureAwait(false);
    }

    /// <summary>Takes mappings out of the table, and asks the VMM to drop them.</summary>
    (WindowMapping Mapping, WindowRemoval Removal)[] Take(Predicate<WindowMapping> which)
    {
        lock (_lock)
        {
            (WindowMapping, WindowRemoval)[] taken = [.. _mappings.FindAll(which).Select(mapping => (mapping, Unmap(mapping)))];
            _mappings.RemoveAll(which);
            CountTails();
            return taken;
        }
    }

    /// <summary>The connection has ended: nothing is mapped any more, and nothing will be.</summary>
    public void Close()
    {
        lock (_lock)
            _closed = true;
        DropAll(tell: false);
    }

    static Errno ToGuest(Errno error, RequestContext request) =>
        error is Errno.EAGAIN || (error == Errno.EINTR && !request.TimedOut) ? error : Errno.EIO;

    Errno Told(Errno error, string what, ulong windowOffset, ulong length)
    {
        if (error == Errno.EIO)
            _isUnusable = true;
        if (error == Errno.EREMOTEIO && Interlocked.Exchange(ref _refusalTold, 1) == 0)
            Log.Refused(logger, what, length, windowOffset);
        return error;
    }

    static void Release(WindowMapping mapping) => mapping.Files?.Unmap(mapping.Extent);

    bool Holds(ulong start, ulong length) =>
        length != 0 && DaxRange.IsAligned(start) && DaxRange.IsAligned(length) && length <= frontend.Size && start <= frontend.Size - length;

    /// <summary>A guest that begins to write asks a second time, and needs nothing where its mapping allows that already.</summary>
    bool IsThere(Mount mount, NodeId node, in MappingPlace place)
    {
        lock (_lock)
        {
            var index = IndexAt(place.WindowOffset);
            return index < _mappings.Count && _mappings[index] is var found && found.Mount == mount && found.Node == node
                && found.Place with { Access = place.Access } == place && (found.End == place.WindowOffset + place.Length || found.HasTail)
                && (found.Extent.IsWritable || place.Access == MapAccess.Read);
        }
    }

    async ValueTask<Errno> PutAsync(RequestContext request, WindowMapping mapping, WindowTerms terms)
    {
        var (place, extent) = (mapping.Place, mapping.Extent);
        // Overlaps are forbidden between the VMM and this side, while FUSE has them replaced.
        if (await TakeAsync(place.WindowOffset, place.WindowOffset + place.Length, wholly: false).ConfigureAwait(false) is var error and not Errno.None)
            return error;
        var behindEnd = extent.GrowthLength != 0 && (terms & WindowTerms.BehindEnd) != 0;
        var parts = behindEnd ? 2 : 1;
        lock (_lock)
        {
            if (!HasRoom(parts))
                return Errno.ENOSPC;
            _asked += parts;
        }
        error = Errno.EIO;
        try
        {
            error = await MapPartsAsync(request, mapping, behindEnd).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                _asked -= parts;
                if (error == Errno.None)
                    error = Enter(behindEnd ? mapping.GrownBy(extent.GrowthLength) : mapping);
            }
        }
        return error;
    }

    async ValueTask<Errno> MapPartsAsync(RequestContext request, WindowMapping mapping, bool behindEnd)
    {
        var extent = mapping.Extent;
        var error = await frontend.MapAsync(extent.Descriptor, extent.FileOffset, mapping.Start, extent.Length, extent.IsWritable, request.Cancellation).ConfigureAwait(false);
        if (error != Errno.None)
            return ToGuest(Told(error, "map", mapping.Start, extent.Length), request);
        if (!behindEnd)
            return Errno.None;
        error = await frontend.MapAsync(
            extent.Descriptor, extent.FileOffset + extent.Length, mapping.End, extent.GrowthLength, extent.IsWritable, request.Cancellation).ConfigureAwait(false);
        if (error == Errno.None)
            return Errno.None;
        _ = await frontend.Unmap(mapping.Start, extent.Length).Answer.ConfigureAwait(false);
        return ToGuest(Told(error, "map", mapping.End, extent.GrowthLength), request);
    }

    /// <summary>EIO: the connection has ended.</summary>
    Errno Enter(WindowMapping mapping)
    {
        lock (_lock)
        {
            if (_closed)
                return Errno.EIO;
            _mappings.Insert(IndexAt(mapping.Start), mapping);
            CountTails();
            NoteParts();
            _copiedInAll += mapping.IsCopy ? mapping.Extent.Length : 0;
            return Errno.None;
        }
    }

    /// <summary>Has the VMM drop what is mapped in a part of the window.</summary>
    /// <param name="start">In the window.</param>
    /// <param name="end">In the window.</param>
    /// <param name="wholly">There must be something, and nothing of it may reach beyond the part.</param>
    async ValueTask<Errno> TakeAsync(ulong start, ulong end, bool wholly)
    {
        List<(WindowMapping Mapping, WindowRemoval Removal)>? taken = null;
        lock (_lock)
        {
            var index = IndexAt(start);
            if (index > 0 && _mappings[index - 1].End > start)
                index--;
            var count = 0;
            while (index + count < _mappings.Count && _mappings[index + count].Start < end)
                count++;
            if (wholly && (count == 0 || _mappings[index].Start < start || _mappings[index + count - 1].End > end))
                return Errno.EINVAL;
            // Within the lock: whoever finds a place free asks the VMM after this.
            for (var i = index; i < index + count; i++)
                (taken ??= []).Add((_mappings[i], Unmap(_mappings[i])));
            _mappings.RemoveRange(index, count);
            CountTails();
        }
        var error = Errno.None;
        foreach (var (mapping, removal) in taken ?? [])
        {
            // Where something is to take its place, a VMM that has nothing there is as good.
            if (await DroppedAsync(mapping, removal).ConfigureAwait(false) is var result && (result == Errno.EIO || (wholly && result != Errno.None)))
                error = Errno.EIO;
        }
        return error;
    }

    /// <summary>Asks for the end of all parts at once: in their order, before whatever is asked next. Within the lock.</summary>
    WindowRemoval Unmap(WindowMapping mapping)
    {
        if (mapping.Memory is { } memory)
        {
            memory.Punch(mapping.Start, mapping.Extent.Length);
            return WindowRemoval.OfNothing;
        }
        _leaving.Add(mapping);
        var removal = frontend.Unmap(mapping.Start, mapping.Extent.Length);
        var start = mapping.Start + mapping.Extent.Length;
        foreach (var length in mapping.Growth)
        {
            removal = removal.And(frontend.Unmap(start, length));
            start += length;
        }
        return removal;
    }

    /// <summary>After <see cref="Unmap"/>: what a guest is answered. A VMM that refuses says that it has no such mapping.</summary>
    async ValueTask<Errno> DroppedAsync(WindowMapping mapping, WindowRemoval removal)
    {
        var answer = Told(await removal.Answer.ConfigureAwait(false), "unmap", mapping.Start, mapping.Extent.Length);
        var leaves = LeaveAsync(mapping, removal);
        // Else a guest that waits for this would learn of it before it is so.
        if (removal.Done.IsCompleted)
            await leaves.ConfigureAwait(false);
        return answer;
    }

    /// <summary>After <see cref="Unmap"/>: the file system keeps the bytes until the VMM has answered, or the connection has ended.</summary>
    async Task LeaveAsync(WindowMapping mapping, WindowRemoval removal)
    {
        if (await removal.Done.ConfigureAwait(false) == Errno.EIO)
            return;
        lock (_lock)
        {
            // The connection's end was first.
            var index = _leaving.FindIndex(other => ReferenceEquals(other, mapping));
            if (index < 0)
                return;
            _leaving.RemoveAt(index);
        }
        Release(mapping);
    }

    /// <summary>The first mapping that begins at <paramref name="start"/> or behind it. Within the lock.</summary>
    int IndexAt(ulong start)
    {
        int low = 0, high = _mappings.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_mappings[middle].Start < start)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
