using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Storage;

/// <summary>
/// A file system whose files can be mapped into a guest (DAX). Keyed by node: Linux sends SETUPMAPPING without a handle, and a mapping
/// outlives the handle and the name.
/// </summary>
public interface IMappable
{
    /// <summary>Finds what to map, and keeps it as it is until <see cref="Unmap"/>: every byte of it is there, and stays.</summary>
    /// <param name="request">Who asks; its cancellation bounds the wait.</param>
    /// <param name="node">A regular file.</param>
    /// <param name="offset">Bytes, whole pages.</param>
    /// <param name="length">Bytes, whole pages, at least one.</param>
    /// <param name="access">What the guest will do.</param>
    /// <param name="asWritable">The VMM maps nothing that is open for reading only (QEMU 11.1): what this guest must not write to is ENXIO. An
    /// immutable file system is asked so once <see cref="LendAsync"/> has answered None; else its bytes are copied.</param>
    /// <returns>ENXIO where the file has no whole page there that could be mapped; else what opening it would answer.</returns>
    ValueTask<Reply<MappedExtent>> MapAsync(RequestContext request, NodeId node, ulong offset, ulong length, MapAccess access, bool asWritable);

    /// <summary>Of an immutable file system: has its content given out open for writing, in a way in which nobody can write to it.</summary>
    /// <returns>None: until the file system is closed, all of it is mapped so. Else why not: the file system goes on as it was.</returns>
    ValueTask<Errno> LendAsync(CancellationToken cancellation);

    /// <summary>The guest has no more use for it. Once for each extent, from any thread, also after the file system was closed.</summary>
    void Unmap(in MappedExtent extent);
}
