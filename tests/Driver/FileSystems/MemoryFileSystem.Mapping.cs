using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;
using VirtioFsStore.Driver.Interop;

namespace VirtioFsStore.Driver.FileSystems;

/// <summary>Files that can be mapped: a copy of the content, in a memory file of whole pages.</summary>
public sealed unsafe partial class MemoryFileSystem
{
    readonly Lock _mappedLock = new();
    readonly ManualResetEventSlim _nothingMapped = new(true);
    int _mapped;

    /// <summary>Extents that were given out and not taken back.</summary>
    public int MappedExtents => Volatile.Read(ref _mapped);

    /// <summary>Waits until all extents were taken back. False: they were not in time.</summary>
    public bool WaitUntilUnmapped() => _nothingMapped.Wait(TimeSpan.FromSeconds(20));

    /// <summary>Of each MAP so far, whether it was to be mapped as writable.</summary>
    public List<bool> MapsAsWritable { get; } = [];

    /// <summary>The guest may write through any mapping, whatever it asked for.</summary>
    public bool MapsForWriting { get; set; }

    /// <summary>What lending answers.</summary>
    public Errno LendAnswer { get; set; } = Errno.EOPNOTSUPP;

    /// <summary>How often it was asked to lend.</summary>
    public int LendCount;

    public ValueTask<Errno> LendAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref LendCount);
        return new(LendAnswer);
    }

    /// <summary>What a file may grow into is to be mapped, too.</summary>
    public bool MapsGrowth { get; set; }

    public ValueTask<Reply<MappedExtent>> MapAsync(RequestContext request, NodeId node, ulong offset, ulong length, MapAccess access, bool asWritable) =>
        Answer<MappedExtent>.Run(this, MemoryOperation.Map, request, (This: this, node, offset, length, access, asWritable), static state =>
        {
            lock (state.This._lock)
            {
                if (!state.This._nodes.TryGetValue(state.node.Value, out var found))
                    return Errno.ESTALE;
                state.This.MapsAsWritable.Add(state.asWritable);
                return StatMode.IsRegular(found.Mode) ? state.This.Extent(found, state.offset, state.length, state.access) : Errno.EISDIR;
            }
        });

    public void Unmap(in MappedExtent extent) => CountMapped(-1);

    void CountMapped(int change)
    {
        lock (_mappedLock)
        {
            _mapped += change;
            if (_mapped == 0)
                _nothingMapped.Set();
            else
                _nothingMapped.Reset();
        }
    }

    Reply<MappedExtent> Extent(MemoryNode node, ulong offset, ulong length, MapAccess access)
    {
        var pages = DaxRange.Up((ulong)node.Size);
        if (offset >= pages)
            return Errno.ENXIO;
        var memory = Native.CreateMemory("mapped", (long)pages);
        fixed (byte* content = node.Content)
            _ = FileIo.WriteAt(memory, content, (nuint)node.Size, 0);
        CountMapped(1);
        var mapped = Math.Min(length, pages - offset);
        return new MappedExtent
        {
            Descriptor = memory,
            IsCallersDescriptor = true,
            FileOffset = offset,
            Length = mapped,
            GrowthLength = MapsGrowth ? length - mapped : 0,
            IsWritable = MapsForWriting || access == MapAccess.ReadWrite,
        };
    }
}
