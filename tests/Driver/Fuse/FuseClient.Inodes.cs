using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>Operations on inodes and on the file system.</summary>
public sealed partial class FuseClient
{
    /// <param name="node">The inode.</param>
    /// <param name="handle">The open file the call came through (FUSE_GETATTR_FH), if any.</param>
    public FuseResult<FuseAttrOut> GetAttr(ulong node, ulong? handle = null) => Run<FuseAttrOut>(BeginGetAttr(node, handle));

    /// <summary>A GETATTR to post by hand.</summary>
    public FuseRequest BeginGetAttr(ulong node, ulong? handle = null) =>
        BeginFor<FuseAttrOut>(FuseOpcode.GetAttr, node).Append(new FuseGetAttrIn { Flags = handle is null ? 0u : 1, Fh = handle ?? 0 });

    /// <param name="node">The inode.</param>
    /// <param name="changes">Valid (FATTR_*) names the fields that count.</param>
    public FuseResult<FuseAttrOut> SetAttr(ulong node, in FuseSetAttrIn changes) =>
        Run<FuseAttrOut>(BeginFor<FuseAttrOut>(FuseOpcode.SetAttr, node).Append(changes));

    /// <summary>FATTR_SIZE.</summary>
    public FuseResult<FuseAttrOut> Truncate(ulong node, ulong size) => SetAttr(node, new FuseSetAttrIn { Valid = 1 << 3, Size = size });

    /// <summary>FATTR_MODE.</summary>
    public FuseResult<FuseAttrOut> ChangeMode(ulong node, uint mode) => SetAttr(node, new FuseSetAttrIn { Valid = 1, Mode = mode });

    public FuseResult<FuseStatxOut> Statx(ulong node, uint mask = 0xFFF, ulong? handle = null) =>
        Run<FuseStatxOut>(
            BeginFor<FuseStatxOut>(FuseOpcode.Statx, node)
                .Append(new FuseStatxIn { GetAttrFlags = handle is null ? 0u : 1, Fh = handle ?? 0, Mask = mask }));

    public FuseResult<FuseStatfsOut> StatFs(ulong node = Root) => Run<FuseStatfsOut>(BeginFor<FuseStatfsOut>(FuseOpcode.StatFs, node));

    public int Access(ulong node, uint mask) => Run(Begin(FuseOpcode.Access, node).Append(new FuseAccessIn { Mask = mask }));

    public int SyncFs(ulong node = Root) => Run(Begin(FuseOpcode.SyncFs, node).Append(default(FuseSyncfsIn)));

    /// <summary>In the form that INIT agreed on.</summary>
    public int SetXattr(ulong node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint flags = 0, uint extendedFlags = 0) =>
        SetXattr(node, name, value, flags, extendedFlags, ExtendedSetXattr);

    public int SetXattr(ulong node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint flags, uint extendedFlags, bool extended)
    {
        var request = Begin(FuseOpcode.SetXattr, node);
        if (extended)
            request.Append(new FuseSetXattrIn { Size = (uint)value.Length, Flags = flags, SetXattrFlags = extendedFlags });
        else
            request.Append(new FuseSetXattrInCompat { Size = (uint)value.Length, Flags = flags });
        return Run(request.AppendName(name).AppendBytes(value));
    }

    /// <summary>The value, at most <paramref name="size"/> bytes.</summary>
    public FuseResult<byte[]> GetXattr(ulong node, ReadOnlySpan<byte> name, int size = 65536) =>
        RunForBytes(
            Begin(FuseOpcode.GetXattr, node, FuseRequest.ReplyHeaderSize + size).Append(new FuseGetXattrIn { Size = (uint)size }).AppendName(name));

    /// <summary>The value's length alone.</summary>
    public FuseResult<FuseGetXattrOut> GetXattrSize(ulong node, ReadOnlySpan<byte> name) =>
        Run<FuseGetXattrOut>(BeginFor<FuseGetXattrOut>(FuseOpcode.GetXattr, node).Append(default(FuseGetXattrIn)).AppendName(name));

    /// <summary>The names, each with its NUL.</summary>
    public FuseResult<byte[]> ListXattr(ulong node, int size = 65536) =>
        RunForBytes(Begin(FuseOpcode.ListXattr, node, FuseRequest.ReplyHeaderSize + size).Append(new FuseGetXattrIn { Size = (uint)size }));

    public FuseResult<FuseGetXattrOut> ListXattrSize(ulong node) =>
        Run<FuseGetXattrOut>(BeginFor<FuseGetXattrOut>(FuseOpcode.ListXattr, node).Append(default(FuseGetXattrIn)));

    public int RemoveXattr(ulong node, ReadOnlySpan<byte> name) => Run(Begin(FuseOpcode.RemoveXattr, node).AppendName(name));
}
