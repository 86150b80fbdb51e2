using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Dax;

/// <summary>
/// For a VMM that maps nothing behind a file's end: what a guest makes a mapped file grow by is mapped before the guest learns that it has
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
            var needed = 0;
            foreach (var mapping in _mappings)
            {
                if (!IsTailOf(mapping, mount, node) || end <= mapping.FileEnd)
                    continue;
                needed++;
                if ((end < mapping.PlaceFileEnd && !DaxRange.IsAligned(end)) || mapping.Growth.Count >= MaxGrowth)
                    needed = int.MaxValue / 2;
            }
            if (needed == 0 || (needed < int.MaxValue / 2 && HasRoom(needed)))
                return true;
        }
        if (Interlocked.Exchange(ref _refusalToGrowTold, 1) == 0)
            Log.MayNotGrow(logger);
        return false;
    }

    public bool HasTailsOf(Mount mount, NodeId node)
    {
        lock (_lock)
        {
            foreach (var mapping in _mappings)
            {
                if (IsTailOf(mapping, mount, node))
                    return true;
            }
            return false;
        }
    }

    /// <summary>Maps what a file has come to have, up to <paramref name="end"/>.</summary>
    public async ValueTask<Errno> GrowAsync(RequestContext request, Mount mount, NodeId node, ulong end)
    {
        while (true)
        {
            WindowMapping? found;
            lock (_lock)
                found = _mappings.Find(mapping => IsTailOf(mapping, mount, node) && mapping.FileEnd < Math.Min(DaxRange.Down(end), mapping.PlaceFileEnd));
            if (found is null)
                return Errno.None;
            var turn = await _turns.EnterAsync(found.Start, found.Place.Length, request.Cancellation).ConfigureAwait(false);
            try
            {
                if (await GrowAsync(request, found).ConfigureAwait(false) is var error and not Errno.None)
                    return error;
            }
            finally
            {
                _turns.Leave(turn);
            }
        }
    }

    /// <summary>Within the place's turn.</summary>
    async ValueTask<Errno> GrowAsync(RequestContext request, WindowMapping mapping)
    {
        lock (_lock)
        {
            // Taken away, or grown by another request, before it was this one's turn.
            if (IndexOf(mapping) < 0)
                return Errno.None;
        }
        var access = mapping.Extent.IsWritable ? MapAccess.ReadWrite : MapAccess.Read;
        var asWritable = (((WindowTerms)Volatile.Read(ref _terms)) & WindowTerms.ReadOnly) == 0;
        var more = await mapping.Files!.MapAsync(request, mapping.Node, mapping.FileEnd, mapping.PlaceFileEnd - mapping.FileEnd, access, asWritable).ConfigureAwait(false);
        if (more.IsError)
            return Errno.EIO;
        var extent = more.Value;
        var error = await frontend.MapAsync(extent.Descriptor, extent.FileOffset, mapping.End, extent.Length, mapping.Extent.IsWritable, request.Cancellation).ConfigureAwait(false);
        if (extent.IsCallersDescriptor)
            _ = Descriptors.Close(extent.Descriptor);
        mapping.Files.Unmap(extent);
        if (error != Errno.None)
            return ToGuest(Told(error, "map", mapping.End, extent.Length), request);
        lock (_lock)
        {
            var index = IndexOf(mapping);
            if (index >= 0)
            {
                _mappings[index] = mapping.GrownBy(extent.Length);
                CountTails();
                return Errno.None;
            }
        }
        // All was dropped meanwhile, but this.
        _ = await frontend.UnmapAsync(mapping.End, extent.Length).ConfigureAwait(false);
        return Errno.EIO;
    }

    /// <summary>
    /// Within the place's turn, after a mapping was entered: what the file grew by between the look at its size and that moment was seen by
    /// nobody as growth of a mapped file.
    /// </summary>
    /// <returns>ENXIO: it ends within a page now, and is not mapped any more.</returns>
    async ValueTask<Errno> CatchUpAsync(RequestContext request, WindowMapping mapping)
    {
        var attributes = await mapping.Mount.FileSystem.GetAttributesAsync(request, mapping.Node, null).ConfigureAwait(false);
        var size = attributes.IsError ? 0 : attributes.Value.Attributes.Size;
        if (size <= mapping.FileEnd)
            return Errno.None;
        if (size >= mapping.PlaceFileEnd || DaxRange.IsAligned(size))
            return await GrowAsync(request, mapping).ConfigureAwait(false);
        _ = await TakeAsync(mapping.Start, mapping.Start + mapping.Place.Length, wholly: false).ConfigureAwait(false);
        return Errno.ENXIO;
    }

    static bool IsTailOf(WindowMapping mapping, Mount mount, NodeId node) => mapping.HasTail && mapping.Mount == mount && mapping.Node == node;

    /// <summary>Within the lock.</summary>
    int IndexOf(WindowMapping mapping) => _mappings.FindIndex(other => ReferenceEquals(other, mapping));

    /// <summary>Within the lock.</summary>
    void CountTails() => _hasTails = _mappings.Exists(mapping => mapping.HasTail);
}
