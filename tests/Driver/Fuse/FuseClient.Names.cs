using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>Operations on names.</summary>
public sealed partial class FuseClient
{
    public FuseResult<FuseEntryOut> Lookup(ulong parent, ReadOnlySpan<byte> name) =>
        Run<FuseEntryOut>(BeginFor<FuseEntryOut>(FuseOpcode.Lookup, parent).AppendName(name));

    public FuseResult<FuseEntryOut> Symlink(ulong parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) =>
        Run<FuseEntryOut>(WithExtensions(BeginFor<FuseEntryOut>(FuseOpcode.Symlink, parent).AppendName(name).AppendName(target)));

    /// <param name="parent">The directory.</param>
    /// <param name="name">The new name.</param>
    /// <param name="mode">Type and permissions.</param>
    /// <param name="rdev">A device's number as new_encode_dev packs it.</param>
    /// <param name="umask">The caller's.</param>
    public FuseResult<FuseEntryOut> MkNod(ulong parent, ReadOnlySpan<byte> name, uint mode, uint rdev = 0, uint umask = 0) =>
        Run<FuseEntryOut>(WithExtensions(
            BeginFor<FuseEntryOut>(FuseOpcode.MkNod, parent).Append(new FuseMknodIn { Mode = mode, Rdev = rdev, Umask = umask }).AppendName(name)));

    public FuseResult<FuseEntryOut> MkDir(ulong parent, ReadOnlySpan<byte> name, uint mode = 0x1ED, uint umask = 0) =>
        Run<FuseEntryOut>(WithExtensions(
            BeginFor<FuseEntryOut>(FuseOpcode.MkDir, parent).Append(new FuseMkdirIn { Mode = mode, Umask = umask }).AppendName(name)));

    public int Unlink(ulong parent, ReadOnlySpan<byte> name) => Run(Begin(FuseOpcode.Unlink, parent).AppendName(name));

    public int RmDir(ulong parent, ReadOnlySpan<byte> name) => Run(Begin(FuseOpcode.RmDir, parent).AppendName(name));

    public int Rename(ulong parent, ReadOnlySpan<byte> name, ulong newParent, ReadOnlySpan<byte> newName) =>
        Run(Begin(FuseOpcode.Rename, parent).Append(new FuseRenameIn { NewDir = newParent }).AppendName(name).AppendName(newName));

    /// <param name="parent">The old directory.</param>
    /// <param name="name">The old name.</param>
    /// <param name="newParent">The new directory.</param>
    /// <param name="newName">The new name.</param>
    /// <param name="flags">RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4.</param>
    public int Rename2(ulong parent, ReadOnlySpan<byte> name, ulong newParent, ReadOnlySpan<byte> newName, uint flags) =>
        Run(Begin(FuseOpcode.Rename2, parent)
            .Append(new FuseRename2In { NewDir = newParent, Flags = flags }).AppendName(name).AppendName(newName));

    public FuseResult<FuseEntryOut> Link(ulong node, ulong newParent, ReadOnlySpan<byte> newName) =>
        Run<FuseEntryOut>(BeginFor<FuseEntryOut>(FuseOpcode.Link, newParent).Append(new FuseLinkIn { OldNodeId = node }).AppendName(newName));

    public FuseResult<FuseCreateOut> Create(
        ulong parent, ReadOnlySpan<byte> name, uint flags, uint mode = 0x1A4, uint umask = 0, uint openFlags = 0) =>
        Run<FuseCreateOut>(WithExtensions(
            BeginFor<FuseCreateOut>(FuseOpcode.Create, parent)
                .Append(new FuseCreateIn { Flags = flags, Mode = mode, Umask = umask, OpenFlags = openFlags }).AppendName(name)));

    /// <summary>Linux sends "/" as the name (fs/fuse/dir.c, fuse_tmpfile).</summary>
    public FuseResult<FuseCreateOut> TmpFile(ulong parent, uint flags, uint mode = 0x1A4, uint umask = 0) =>
        Run<FuseCreateOut>(WithExtensions(
            BeginFor<FuseCreateOut>(FuseOpcode.TmpFile, parent)
                .Append(new FuseCreateIn { Flags = flags, Mode = mode, Umask = umask }).AppendName("/"u8)));

    public FuseResult<byte[]> ReadLink(ulong node) => RunForBytes(Begin(FuseOpcode.ReadLink, node, FuseRequest.ReplyHeaderSize + 4096 - 1));

    /// <summary>Gives lookups back, on the hiprio queue; returns when the device has taken the message.</summary>
    public void Forget(ulong node, ulong count)
    {
        var request = hiprio.Rent().Begin(FuseOpcode.Forget, node, Caller, 0).Append(new FuseForgetIn { Nlookup = count });
        hiprio.Call(request);
        hiprio.Return(request);
    }

    public void BatchForget(params ReadOnlySpan<FuseForgetOne> nodes)
    {
        var request = hiprio.Rent().Begin(FuseOpcode.BatchForget, 0, Caller, 0).Append(new FuseBatchForgetIn { Count = (uint)nodes.Length });
        foreach (ref readonly var node in nodes)
            request.Append(node);
        hiprio.Call(request);
        hiprio.Return(request);
    }

    /// <summary>Asks to interrupt a request; sent on the hiprio queue. Returns the errno if the device answered one.</summary>
    public int Interrupt(ulong unique)
    {
        var request = hiprio.Rent().Begin(FuseOpcode.Interrupt, 0, Caller, FuseRequest.ReplyHeaderSize).Append(new FuseInterruptIn { Unique = unique });
        hiprio.Post(request);
        hiprio.Notify();
        hiprio.WaitFor(request);
        var error = request.ReplyLength == 0 ? 0 : request.Error;
        hiprio.Return(request);
        return error;
    }
}
