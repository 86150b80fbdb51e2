using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>Operations on open files and their data.</summary>
public sealed partial class FuseClient
{
    public FuseResult<FuseOpenOut> Open(ulong node, uint flags = 0, uint openFlags = 0) =>
        Run<FuseOpenOut>(BeginFor<FuseOpenOut>(FuseOpcode.Open, node).Append(new FuseOpenIn { Flags = flags, OpenFlags = openFlags }));

    public FuseResult<byte[]> Read(ulong node, ulong handle, ulong offset, int size) => RunForBytes(BeginRead(node, handle, offset, size));

    /// <summary>Reads without allocating. The value is the number of bytes.</summary>
    public FuseResult<int> Read(ulong node, ulong handle, ulong offset, Span<byte> into) =>
        RunInto(BeginRead(node, handle, offset, into.Length), into);

    /// <summary>A READ to post by hand.</summary>
    public FuseRequest BeginRead(ulong node, ulong handle, ulong offset, int size) =>
        Begin(FuseOpcode.Read, node, FuseRequest.ReplyHeaderSize + size).Append(new FuseReadIn { Fh = handle, Offset = offset, Size = (uint)size });

    /// <param name="node">The inode.</param>
    /// <param name="handle">The open file.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="data">At most <see cref="FuseQueue.DataCapacity"/> bytes.</param>
    /// <param name="writeFlags">FUSE_WRITE_*.</param>
    /// <param name="lockOwner">The owner of locks.</param>
    /// <param name="openFlags">The description's O_* at this moment.</param>
    public FuseResult<FuseWriteOut> Write(
        ulong node, ulong handle, ulong offset, ReadOnlySpan<byte> data, uint writeFlags = 0, ulong lockOwner = 0, uint openFlags = 0) =>
        Run<FuseWriteOut>(
            BeginFor<FuseWriteOut>(FuseOpcode.Write, node)
                .Append(new FuseWriteIn
                {
                    Fh = handle,
                    Offset = offset,
                    Size = (uint)data.Length,
                    WriteFlags = writeFlags,
                    LockOwner = lockOwner,
                    Flags = openFlags,
                })
                .AppendBytes(data));

    public int Release(ulong node, ulong handle, uint flags = 0, uint releaseFlags = 0, ulong lockOwner = 0) =>
        Run(Begin(FuseOpcode.Release, node)
            .Append(new FuseReleaseIn { Fh = handle, Flags = flags, ReleaseFlags = releaseFlags, LockOwner = lockOwner }));

    public int Flush(ulong node, ulong handle, ulong lockOwner = 0) =>
        Run(Begin(FuseOpcode.Flush, node).Append(new FuseFlushIn { Fh = handle, LockOwner = lockOwner }));

    public int Fsync(ulong node, ulong handle, bool dataOnly = false) =>
        Run(Begin(FuseOpcode.Fsync, node).Append(new FuseFsyncIn { Fh = handle, Flags = dataOnly ? 1u : 0 }));

    public int Fallocate(ulong node, ulong handle, ulong offset, ulong length, uint mode = 0) =>
        Run(Begin(FuseOpcode.Fallocate, node).Append(new FuseFallocateIn { Fh = handle, Offset = offset, Length = length, Mode = mode }));

    public FuseResult<FuseLseekOut> Lseek(ulong node, ulong handle, ulong offset, uint whence) =>
        Run<FuseLseekOut>(BeginFor<FuseLseekOut>(FuseOpcode.Lseek, node).Append(new FuseLseekIn { Fh = handle, Offset = offset, Whence = whence }));

    public FuseResult<FuseWriteOut> CopyFileRange(
        ulong node, ulong handle, ulong offset, ulong toNode, ulong toHandle, ulong toOffset, ulong length, ulong flags = 0) =>
        Run<FuseWriteOut>(
            BeginFor<FuseWriteOut>(FuseOpcode.CopyFileRange, node).Append(Copy(handle, offset, toNode, toHandle, toOffset, length, flags)));

    /// <summary>As <see cref="CopyFileRange"/>, with a reply that holds more than 4 GiB (7.45).</summary>
    public FuseResult<FuseCopyFileRangeOut> CopyFileRange64(
        ulong node, ulong handle, ulong offset, ulong toNode, ulong toHandle, ulong toOffset, ulong length, ulong flags = 0) =>
        Run<FuseCopyFileRangeOut>(
            BeginFor<FuseCopyFileRangeOut>(FuseOpcode.CopyFileRange64, node).Append(Copy(handle, offset, toNode, toHandle, toOffset, length, flags)));

    public FuseResult<FuseLkOut> GetLk(ulong node, ulong handle, ulong owner, FuseFileLock wanted, bool flock = false) =>
        Run<FuseLkOut>(BeginFor<FuseLkOut>(FuseOpcode.GetLk, node).Append(Lock(handle, owner, wanted, flock)));

    public int SetLk(ulong node, ulong handle, ulong owner, FuseFileLock wanted, bool flock = false) =>
        Run(Begin(FuseOpcode.SetLk, node).Append(Lock(handle, owner, wanted, flock)));

    public int SetLkw(ulong node, ulong handle, ulong owner, FuseFileLock wanted, bool flock = false) =>
        Run(Begin(FuseOpcode.SetLkw, node).Append(Lock(handle, owner, wanted, flock)));

    public FuseResult<byte[]> Ioctl(ulong node, ulong handle, uint command, ReadOnlySpan<byte> data, uint outSize) =>
        RunForBytes(
            Begin(FuseOpcode.Ioctl, node, FuseRequest.ReplyHeaderSize + 16 + (int)outSize)
                .Append(new FuseIoctlIn { Fh = handle, Command = command, InSize = (uint)data.Length, OutSize = outSize }).AppendBytes(data));

    public FuseResult<byte[]> Poll(ulong node, ulong handle, uint events) =>
        RunForBytes(Begin(FuseOpcode.Poll, node, FuseRequest.ReplyHeaderSize + 8).Append(new FusePollIn { Fh = handle, Events = events }));

    public FuseResult<ulong> Bmap(ulong node, ulong block, uint blockSize) =>
        Run<ulong>(BeginFor<ulong>(FuseOpcode.Bmap, node).Append(new FuseBmapIn { Block = block, BlockSize = blockSize }));

    /// <summary>Linux sends handle −1 (fs/fuse/dax.c).</summary>
    public int SetupMapping(ulong node, ulong fileOffset, ulong length, ulong windowOffset, bool writable) =>
        Run(Begin(FuseOpcode.SetupMapping, node).Append(new FuseSetupMappingIn
        {
            Fh = ulong.MaxValue,
            FileOffset = fileOffset,
            Length = length,
            WindowOffset = windowOffset,
            Flags = writable ? 3UL : 2,
        }));

    public int RemoveMapping(params ReadOnlySpan<FuseRemoveMappingOne> ranges)
    {
        var request = Begin(FuseOpcode.RemoveMapping, Root).Append(new FuseRemoveMappingIn { Count = (uint)ranges.Length });
        foreach (ref readonly var range in ranges)
            request.Append(range);
        return Run(request);
    }

    static FuseCopyFileRangeIn Copy(ulong handle, ulong offset, ulong toNode, ulong toHandle, ulong toOffset, ulong length, ulong flags) => new()
    {
        FhIn = handle,
        OffsetIn = offset,
        NodeIdOut = toNode,
        FhOut = toHandle,
        OffsetOut = toOffset,
        Length = length,
        Flags = flags,
    };

    static FuseLkIn Lock(ulong handle, ulong owner, FuseFileLock wanted, bool flock) =>
        new() { Fh = handle, Owner = owner, Lock = wanted, Flags = flock ? 1u : 0 };
}
