using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>A valid body for every operation, to be cut and bent by tests.</summary>
static class RequestBodies
{
    /// <summary>Operations whose body is a fixed structure, and those that carry names: all that can be too short.</summary>
    public static IReadOnlyList<FuseOpcode> WithBody { get; } =
    [
        FuseOpcode.Lookup, FuseOpcode.GetAttr, FuseOpcode.SetAttr, FuseOpcode.Symlink, FuseOpcode.MkNod, FuseOpcode.MkDir,
        FuseOpcode.Unlink, FuseOpcode.RmDir, FuseOpcode.Rename, FuseOpcode.Rename2, FuseOpcode.Link, FuseOpcode.Open, FuseOpcode.Read,
        FuseOpcode.Write, FuseOpcode.Release, FuseOpcode.Fsync, FuseOpcode.SetXattr, FuseOpcode.GetXattr, FuseOpcode.ListXattr,
        FuseOpcode.RemoveXattr, FuseOpcode.Flush, FuseOpcode.OpenDir, FuseOpcode.ReadDir, FuseOpcode.ReadDirPlus,
        FuseOpcode.ReleaseDir, FuseOpcode.FsyncDir, FuseOpcode.GetLk, FuseOpcode.SetLk, FuseOpcode.SetLkw, FuseOpcode.Access,
        FuseOpcode.Create, FuseOpcode.Fallocate, FuseOpcode.Lseek, FuseOpcode.CopyFileRange, FuseOpcode.CopyFileRange64,
        FuseOpcode.SyncFs, FuseOpcode.TmpFile, FuseOpcode.Statx,
    ];

    /// <summary>Appends the body. Names are "name" and "other".</summary>
    public static FuseRequest Append(FuseRequest request, FuseOpcode opcode) => opcode switch
    {
        FuseOpcode.Lookup or FuseOpcode.Unlink or FuseOpcode.RmDir or FuseOpcode.RemoveXattr => request.AppendName("name"u8),
        FuseOpcode.GetAttr => request.Append(default(FuseGetAttrIn)),
        FuseOpcode.SetAttr => request.Append(new FuseSetAttrIn { Valid = 1, Mode = 0x1FF }),
        FuseOpcode.Symlink => request.AppendName("name"u8).AppendName("other"u8),
        FuseOpcode.MkNod => request.Append(new FuseMknodIn { Mode = 0x81A4 }).AppendName("name"u8),
        FuseOpcode.MkDir => request.Append(new FuseMkdirIn { Mode = 0x1ED }).AppendName("name"u8),
        FuseOpcode.Rename => request.Append(new FuseRenameIn { NewDir = 1 }).AppendName("name"u8).AppendName("other"u8),
        FuseOpcode.Rename2 => request.Append(new FuseRename2In { NewDir = 1 }).AppendName("name"u8).AppendName("other"u8),
        FuseOpcode.Link => request.Append(new FuseLinkIn { OldNodeId = 1 }).AppendName("name"u8),
        FuseOpcode.Open or FuseOpcode.OpenDir => request.Append(default(FuseOpenIn)),
        FuseOpcode.Read or FuseOpcode.ReadDir or FuseOpcode.ReadDirPlus => request.Append(new FuseReadIn { Size = 64 }),
        FuseOpcode.Write => request.Append(new FuseWriteIn { Size = 4 }).AppendBytes("data"u8),
        FuseOpcode.Release or FuseOpcode.ReleaseDir => request.Append(default(FuseReleaseIn)),
        FuseOpcode.Fsync or FuseOpcode.FsyncDir => request.Append(default(FuseFsyncIn)),
        FuseOpcode.SetXattr => request.Append(new FuseSetXattrInCompat { Size = 5 }).AppendName("user.a"u8).AppendBytes("value"u8),
        FuseOpcode.GetXattr => request.Append(new FuseGetXattrIn { Size = 64 }).AppendName("user.a"u8),
        FuseOpcode.ListXattr => request.Append(new FuseGetXattrIn { Size = 64 }),
        FuseOpcode.Flush => request.Append(default(FuseFlushIn)),
        FuseOpcode.GetLk or FuseOpcode.SetLk or FuseOpcode.SetLkw => request.Append(default(FuseLkIn)),
        FuseOpcode.Access => request.Append(default(FuseAccessIn)),
        FuseOpcode.Create => request.Append(new FuseCreateIn { Mode = 0x1A4 }).AppendName("name"u8),
        FuseOpcode.TmpFile => request.Append(new FuseCreateIn { Mode = 0x1A4 }),
        FuseOpcode.Fallocate => request.Append(new FuseFallocateIn { Length = 1 }),
        FuseOpcode.Lseek => request.Append(new FuseLseekIn { Whence = 3 }),
        FuseOpcode.CopyFileRange or FuseOpcode.CopyFileRange64 => request.Append(new FuseCopyFileRangeIn { NodeIdOut = 1, Length = 1 }),
        FuseOpcode.SyncFs => request.Append(default(FuseSyncfsIn)),
        FuseOpcode.Statx => request.Append(default(FuseStatxIn)),
        FuseOpcode.Forget => request.Append(new FuseForgetIn { Nlookup = 1 }),
        FuseOpcode.BatchForget => request.Append(new FuseBatchForgetIn { Count = 1 }).Append(new FuseForgetOne { NodeId = 1, Nlookup = 1 }),
        FuseOpcode.Interrupt => request.Append(new FuseInterruptIn { Unique = 2 }),
        _ => request,
    };
}
