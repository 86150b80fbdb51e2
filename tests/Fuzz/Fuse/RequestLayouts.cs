using VirtioFsStore.Driver.Fuse;

namespace VirtioFsStore.Fuzz.Fuse;

/// <summary>
/// The bodies of all requests (linux/fuse.h) as a letter a field, in order: h handle, n node, N name, T link target, X xattr name,
/// D data, s u32 size (of the data, where there is some), o u64 offset, L u64 length, l u64 length that is little, f u32 flags,
/// F u32 open flags, m u32 mode, u u32 id, v u32 valid mask, x u64, t u64 time, j u32 nanoseconds, k u32 lock type, w u32 whence,
/// z u32 zero, e extension, c count of the pairs (n x) that follow.
/// </summary>
static class RequestLayouts
{
    public static IReadOnlyList<(FuseOpcode Opcode, string Fields)> Common { get; } =
    [
        (FuseOpcode.Lookup, "N"), (FuseOpcode.Lookup, "N"), (FuseOpcode.Lookup, "N"), (FuseOpcode.Forget, "x"), (FuseOpcode.GetAttr, "fzh"),
        (FuseOpcode.SetAttr, "vzhLxtttjjjmzuuz"), (FuseOpcode.ReadLink, ""), (FuseOpcode.Symlink, "NTe"), (FuseOpcode.MkNod, "muuzNe"),
        (FuseOpcode.MkDir, "muNe"), (FuseOpcode.Unlink, "N"), (FuseOpcode.RmDir, "N"), (FuseOpcode.Rename, "nNN"), (FuseOpcode.Rename2, "nfzNN"),
        (FuseOpcode.Link, "nN"), (FuseOpcode.Open, "Ff"), (FuseOpcode.Open, "Ff"), (FuseOpcode.Read, "hosfxFz"), (FuseOpcode.Read, "hosfxFz"),
        (FuseOpcode.Write, "hosfxFzD"), (FuseOpcode.Write, "hosfxFzD"), (FuseOpcode.StatFs, ""), (FuseOpcode.Release, "hFfx"), (FuseOpcode.Fsync, "hfz"),
        (FuseOpcode.SetXattr, "sfXD"), (FuseOpcode.SetXattr, "sffzXD"), (FuseOpcode.GetXattr, "szX"), (FuseOpcode.ListXattr, "sz"), (FuseOpcode.RemoveXattr, "X"),
        (FuseOpcode.Flush, "hzzx"), (FuseOpcode.OpenDir, "Ff"), (FuseOpcode.ReadDir, "hosfxFz"), (FuseOpcode.ReleaseDir, "hFfx"), (FuseOpcode.FsyncDir, "hfz"),
        (FuseOpcode.GetLk, "hxoLkzfz"), (FuseOpcode.SetLk, "hxoLkzfz"), (FuseOpcode.SetLkw, "hxoLkzfz"), (FuseOpcode.Access, "fz"), (FuseOpcode.Create, "FmufNe"),
        (FuseOpcode.Create, "FmufNe"), (FuseOpcode.OpenDir, "Ff"), (FuseOpcode.Lookup, "N"), (FuseOpcode.Open, "Ff"),
        (FuseOpcode.Interrupt, "x"), (FuseOpcode.BatchForget, "cz"), (FuseOpcode.Fallocate, "hoLfz"), (FuseOpcode.ReadDirPlus, "hosfxFz"), (FuseOpcode.Lseek, "howz"),
        (FuseOpcode.CopyFileRange, "honholx"), (FuseOpcode.SyncFs, "x"), (FuseOpcode.TmpFile, "FmufNe"), (FuseOpcode.Statx, "fzhff"), (FuseOpcode.CopyFileRange64, "honholx"),
    ];

    /// <summary>What nobody implements: it ends at once.</summary>
    public static IReadOnlyList<(FuseOpcode Opcode, string Fields)> Rare { get; } =
    [
        (FuseOpcode.Bmap, "xsz"), (FuseOpcode.Ioctl, "hffxss"), (FuseOpcode.Poll, "hxff"), (FuseOpcode.NotifyReply, "xoszxx"),
        (FuseOpcode.SetupMapping, "hoLxx"), (FuseOpcode.RemoveMapping, "soL"), ((FuseOpcode)4096, "zzxxx"),
    ];
}
