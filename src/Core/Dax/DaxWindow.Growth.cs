using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>
/// For a VMM that maps nothing behind a file's end: what a mapped file grows by is mapped before the guest learns that it has
/// grown, for it takes all that it once asked for to be mapped, and would read nothing there.
/// </summary>
partial class DaxWindow
{
    volatile bool _hasTails;
    int _refusalToGrowTold;

    /// <summary>How often what one range shows may grow: each time is a part of its own at the VMM.</summary>
    const int MaxGrowth = 64;

    /// <summary>Whether anything mapped could grow so. A look, without a lock.</summary>
    public bool HasTails => _hasTails;

    /// <summary>False: the file is mapped where it would end, and what it would have there could not be mapped.</summary>
    public bool MayEnd(Mount mount, NodeId node, ulong end)
    {
        lock (_lock)
        {
            var (parts, isOdd) = (0, !DaxRange.IsAligned(end));
            var can = true;
            foreach (var mapping in _mappings)
            {
                if (!IsTailOf(mapping, mount, node) || end <= mapping.FileEnd)
                    continue;
                parts++;
                can &= mapping.Growth.Count < MaxGrowth && !(isOdd && end < mapping.PlaceFileEnd);
            }
            if (parts == 0 || (can && HasRoomForParts(parts)))
                return true;
        }
        if (Interlocked.Exchange(ref _refusalToGrowTold, 1) == 0)
            Log.MayNotGrow(logger);
        return false;
    }

    /// <summary>Whether the end of a file is where the guest has mapped it. A look, without a lock, where nothing mapped could grow.</summary>
    public bool ShowsEndOf(Mount mount, NodeId node) => Lags(mount, node, ulong.MaxValue);

    /// <summary>Whether a mapping of a file shows less than what it has if it ends at <paramref name="end"/>. A look, without a lock, where nothing mapped could grow.</summary>
    public bool Lags(Mount mount, NodeId node, ulong end) => _hasTails && FirstThatLags(mount, node, end) is not null;

    /// <summary>How much of a file a guest may be told of: what all its mappings show.</summary>
    /// <param name="mount">Where the file is.</param>
    /// <param name="node">The file.</param>
    /// <param name="size">What it has.</param>
    public ulong Visible(Mount mount, NodeId node, ulong size)
    {
        lock (_lock)
        {
            foreach (var mapping in _mappings)
            {
                if (IsTailOf(mapping, mount, node) && mapping.FileEnd < size)
                    size = mapping.FileEnd;
            }
            return size;
        }
    }

    /// <summary>Maps what a file has come to have, whoever made it grow, and tells how much of it a guest may be told of.</summary>
    public async ValueTask<ulong> ShowAsync(RequestContext request, Mount mount, NodeId node, ulong size)
    {
        if (!_hasTails)
            return size;
        try
        {
            if (Lags(mount, node, size))
                _ = await GrowAsync(request, mount, node, size).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What is told of has been done; the guest is told of less.
        }
        return Visible(mount, node, size);
    }

    /// <summary>Maps what a file has come to have, up to <paramref name="end"/>.</summary>
    public async ValueTask<Errno> GrowAsync(RequestContext request, Mount mount, NodeId node, ulong end)
    {
        while (true)
        {
            if (FirstThatLags(mount, node, end) is not { } found)
                return Errno.None;
            var turn = await _turns.EnterAsync(found.Start, found.Place.Length, request.Cancellation).ConfigureAwait(false);
            try
            {
                if (await GrowAsync(request, found, end).ConfigureAwait(false) is var error and not Errno.None)
                    return error;
            }
            finally
            {
                _turns.Leave(turn);
            }
        }
    }

    /// <summary>Within the place's turn.</summary>
    /// <returns>ENOSPC: it grew too often, or the VMM holds too many parts; else as <see cref="SetupAsync"/>.</returns>
    async ValueTask<Errno> GrowAsync(RequestContext request, WindowMapping mapping, ulong end)
    {
        lock (_lock)
        {
            // Taken away, or grown by another request, before it was this one's turn.
            if (IndexOf(mapping) < 0)
                return Errno.None;
            if (mapping.Growth.Count >= MaxGrowth || !HasRoomForParts(1))
                return Errno.ENOSPC;
            _asked++;
        }
        var more = 0UL;
        try
        {
            var mapped = await MapMoreAsync(request, mapping, end).ConfigureAwait(false);
            if (mapped.IsError)
                return mapped.Error;
            more = mapped.Value;
        }
        finally
        {
            lock (_lock)
            {
                _asked--;
                if (more != 0 && IndexOf(mapping) is var index and >= 0)
                {
                    _mappings[index] = mapping.GrownBy(more);
                    CountTails();
                    NoteParts();
                    more = 0;
                }
            }
        }
        if (more == 0)
            return Errno.None;
        // All was dropped meanwhile, but this.
        _ = await frontend.Unmap(mapping.End, more).Answer.ConfigureAwait(false);
        return Errno.EIO;
    }

    /// <summary>The bytes that the VMM has mapped behind a mapping's end.</summary>
    async ValueTask<Reply<ulong>> MapMoreAsync(RequestContext request, WindowMapping mapping, ulong end)
    {
        // All that there is, for each part counts; but of a file that ends within a page, its whole pages.
        var length = (DaxRange.IsAligned(end) ? mapping.PlaceFileEnd : Math.Min(DaxRange.Down(end), mapping.PlaceFileEnd)) - mapping.FileEnd;
        var access = mapping.Extent.IsWritable ? MapAccess.ReadWrite : MapAccess.Read;
        var more = await mapping.Files!.MapAsync(request, mapping.Node, mapping.FileEnd, length, access, MapsForWriting).ConfigureAwait(false);
        if (more.IsError)
            return Errno.EIO;
        var extent = more.Value;
        var error = await frontend.MapAsync(extent.Descriptor, extent.FileOffset, mapping.End, extent.Length, mapping.Extent.IsWritable, request.Cancellation).ConfigureAwait(false);
        if (extent.IsCallersDescriptor)
            _ = Descriptors.Close(extent.Descriptor);
        mapping.Files.Unmap(extent);
        return error == Errno.None ? extent.Length : ToGuest(Told(error, "map", mapping.End, extent.Length), request);
    }

    /// <summary>
    /// Within the place's turn, after a mapping was entered: what the file grew by between the look at its size and that moment was seen by
    /// nobody as growth of a mapped file.
    /// </summary>
    /// <returns>ENXIO: it ends within a page now; else what mapping more has answered. The mapping is gone then.</returns>
    async ValueTask<Errno> CatchUpAsync(RequestContext request, WindowMapping mapping)
    {
        var error = Errno.EIO;
        try
        {
            var attributes = await mapping.Mount.FileSystem.GetAttributesAsync(request, mapping.Node, null).ConfigureAwait(false);
            error = attributes.Error;
            if (error == Errno.None && attributes.Value.Attributes.Size is var size && size > mapping.FileEnd)
                error = size >= mapping.PlaceFileEnd || DaxRange.IsAligned(size) ? await GrowAsync(request, mapping, size).ConfigureAwait(false) : Errno.ENXIO;
            return error;
        }
        finally
        {
            // Also of a wait that was cancelled: the guest is told that nothing is there.
            if (error != Errno.None)
                _ = await TakeAsync(mapping.Start, mapping.Start + mapping.Place.Length, wholly: false).ConfigureAwait(false);
        }
    }

    WindowMapping? FirstThatLags(Mount mount, NodeId node, ulong end)
    {
        lock (_lock)
        {
            foreach (var mapping in _mappings)
            {
                if (IsTailOf(mapping, mount, node) && mapping.FileEnd < Math.Min(DaxRange.Down(end), mapping.PlaceFileEnd))
                    return mapping;
            }
            return null;
        }
    }

    static bool IsTailOf(WindowMapping mapping, Mount mount, NodeId node) => mapping.HasTail && mapping.Mount == mount && mapping.Node == node;

    /// <summary>Within the lock.</summary>
    int IndexOf(WindowMapping mapping) => _mappings.FindIndex(other => ReferenceEquals(other, mapping));

    /// <summary>Within the lock.</summary>
    void CountTails() => _hasTails = _mappings.Exists(mapping => mapping.HasTail);
}
