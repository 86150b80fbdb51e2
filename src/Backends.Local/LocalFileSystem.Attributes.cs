using VirtioFsStore.Backends.Local.Handles;
using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Backends.Local;

partial class LocalFileSystem
{
    const SetAttributesValid Times =
        SetAttributesValid.AccessTime | SetAttributesValid.ModifyTime | SetAttributesValid.AccessTimeNow | SetAttributesValid.ModifyTimeNow;

    public unsafe ValueTask<Reply<AttributesReply>> GetAttributesAsync(RequestContext request, NodeId node, HandleId? handle)
    {
        using var inode = _inodes.Acquire(node, needDescriptor: handle is null);
        if (inode.IsError)
            return new(inode.Error);
        if (handle is null)
            return ReplyAttributes(inode, inode.Fd);
        using var file = _handles.Acquire(handle.Value);
        return file.IsInvalid ? new(Errno.EBADF) : ReplyAttributes(inode, file.Fd);
    }

    public ValueTask<Reply<AttributesReply>> SetAttributesAsync(RequestContext request, NodeId node, in SetAttributes changes)
    {
        if (_options.ReadOnly)
            return new(Errno.EROFS);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var error = Apply(inode, changes);
        return error == Errno.None ? ReplyAttributes(inode, inode.Fd) : new(error);
    }

    public unsafe ValueTask<Errno> AccessAsync(RequestContext request, NodeId node, int mask)
    {
        const int W_OK = 2, Known = 7;
        if ((mask & ~Known) != 0)
            return new(Errno.EINVAL);
        if ((mask & W_OK) != 0 && _options.ReadOnly)
            return new(Errno.EROFS);
        using var inode = _inodes.Acquire(node);
        if (inode.IsError)
            return new(inode.Error);
        var path = new DescriptorPath(inode.Fd);
        using var caller = _identity.AssumeForChecks(request);
        return caller.IsError
            ? new(caller.Error)
            : Done(FileStatus.Access(_descriptorDirectory.Value, path.Number(), mask, FileStatus.AT_EACCESS));
    }

    static Timestamp TimeOf(in StatxTime time) => new(time.Seconds, time.Nanoseconds);

    static Timespec TimeOf(in SetAttributes changes, SetAttributesValid given, SetAttributesValid now, in Timestamp time)
    {
        if ((changes.Valid & now) != 0)
            return new(0, InodeAttributes.UTIME_NOW);
        return (changes.Valid & given) != 0 ? new(time.Seconds, time.Nanoseconds) : new(0, InodeAttributes.UTIME_OMIT);
    }

    unsafe ValueTask<Reply<AttributesReply>> ReplyAttributes(in InodeReference inode, int fd)
    {
        Statx status;
        var result = FileStatus.Get(fd, StatusMask, &status);
        if (result < 0)
            return new(ToGuestError(result));
        return new(new AttributesReply
        {
            Attributes = AttributesOf(status, _mounts[inode.Mount], inode.Slot->IsMountRoot),
            Validity = _validity,
        });
    }

    NodeAttributes AttributesOf(in Statx status, MountEntry mount, bool isMountRoot) => new()
    {
        Ino = _numbers.Map(mount, status.Ino),
        Size = status.Size,
        Blocks = status.Blocks,
        AccessTime = TimeOf(status.AccessTime),
        ModifyTime = TimeOf(status.ModifyTime),
        ChangeTime = TimeOf(status.ChangeTime),
        BirthTime = TimeOf(status.BirthTime),
        HasBirthTime = (status.Mask & FileStatus.STATX_BTIME) != 0,
        Mode = status.Mode,
        LinkCount = status.LinkCount,
        Uid = _options.Users?.ToGuest(status.Uid) ?? status.Uid,
        Gid = _options.Groups?.ToGuest(status.Gid) ?? status.Gid,
        DeviceMajor = status.SpecialMajor,
        DeviceMinor = status.SpecialMinor,
        BlockSize = status.BlockSize,
        Flags = isMountRoot && _options.AnnounceSubmounts && StatMode.IsDirectory(status.Mode)
            ? NodeAttributeFlags.Submount
            // A file that a guest appends to may come to end within a page, and could then not be read: only who knows the directory may ask for that.
            : (_options.ReadOnly || _options.DaxWritable)
                && StatMode.IsRegular(status.Mode) && status.Size >= _options.DaxMinimum && DaxRange.IsAligned(status.Size) && status.Size != 0
            ? _options.ReadOnly ? NodeAttributeFlags.DaxReadOnly : NodeAttributeFlags.Dax
            : NodeAttributeFlags.None,
    };

    unsafe Errno Apply(in InodeReference inode, in SetAttributes changes)
    {
        var valid = changes.Valid;
        byte empty = 0;
        // The owner first: changing it clears setuid, which an explicit mode may then set.
        if ((valid & (SetAttributesValid.Uid | SetAttributesValid.Gid)) != 0)
        {
            var uid = (valid & SetAttributesValid.Uid) != 0 ? changes.Uid : ThreadCredentials.Unchanged;
            var gid = (valid & SetAttributesValid.Gid) != 0 ? changes.Gid : ThreadCredentials.Unchanged;
            if (_options.Users?.TryToHost(uid, out uid) == false || _options.Groups?.TryToHost(gid, out gid) == false)
                return Errno.EPERM;
            // Only programs have capabilities, and of anything but a file and a directory the kernel refuses to remove a name of user.*.
            if (inode.IsRegular && ClearRemappedCapability(inode.Fd) is var error and not Errno.None)
                return error;
            var result = InodeAttributes.ChangeOwner(inode.Fd, &empty, uid, gid, Descriptors.AT_EMPTY_PATH);
            if (result < 0)
                return result.ToErrno();
        }
        if ((valid & SetAttributesValid.Mode) != 0)
        {
            var result = ChangeMode(inode.Fd, changes.Mode & StatMode.PermissionMask);
            if (result < 0)
                return result.ToErrno();
        }
        if ((valid & SetAttributesValid.Size) != 0)
        {
            if (Resize(inode, changes) is var error and not Errno.None)
                return error;
        }
        if ((valid & Times) != 0)
        {
            var times = stackalloc Timespec[2]
            {
                TimeOf(changes, SetAttributesValid.AccessTime, SetAttributesValid.AccessTimeNow, changes.AccessTime),
                TimeOf(changes, SetAttributesValid.ModifyTime, SetAttributesValid.ModifyTimeNow, changes.ModifyTime),
            };
            var result = InodeAttributes.SetTimes(inode.Fd, &empty, times, Descriptors.AT_EMPTY_PATH);
            if (result < 0)
                return result.ToErrno();
        }
        return Errno.None;
    }

    unsafe int ChangeMode(int fd, uint mode)
    {
        byte empty = 0;
        if (!Volatile.Read(ref _noChangeModeAt2))
        {
            var result = InodeAttributes.ChangeModeAt2(fd, &empty, mode, Descriptors.AT_EMPTY_PATH);
            if (result != -(int)Errno.ENOSYS)
                return result;
            Volatile.Write(ref _noChangeModeAt2, true);
        }
        // Ends at the inode itself: the link in /proc leads nowhere further, not even from a symbolic link.
        var path = new DescriptorPath(fd);
        return InodeAttributes.ChangeModeAt(_descriptorDirectory.Value, path.Number(), mode);
    }

    unsafe Errno Resize(in InodeReference inode, in SetAttributes changes)
    {
        if (changes.Size > long.MaxValue)
            return Errno.EFBIG;
        if (!inode.IsRegular)
            return inode.IsDirectory ? Errno.EISDIR : Errno.EINVAL;
        var length = (long)changes.Size;
        if (ClearRemappedCapability(inode.Fd) is var error and not Errno.None)
            return error;
        using var withoutSetId = (changes.Valid & SetAttributesValid.KillSuidGid) != 0 ? KillSetId(inode.Fd) : default;
        if (withoutSetId.IsError)
            return withoutSetId.Error;
        if ((changes.Valid & SetAttributesValid.Handle) != 0)
        {
            using var file = _handles.Acquire(changes.Handle);
            // A file can be truncated through a handle that may not write only by its own permissions: below.
            if (!file.IsInvalid && (file.Flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY)
                return FileSpace.SetLength(file.Fd, length).ToErrno();
        }
        var path = new DescriptorPath(inode.Fd);
        return InodeAttributes.Truncate(path.For(_options.Chrooted), length).ToErrno();
    }

    /// <summary>
    /// Where the caller may not keep setuid and setgid, a change of content must clear them: has the kernel do so by giving
    /// up CAP_FSETID, but only for files that have such a bit, since most have none and asking is cheaper.
    /// </summary>
    /// <remarks>
    /// As HANDLE_KILLPRIV_V2 has it, setgid goes only with group execute; the kernel would take it from a file whose group is not ours as well.
    /// </remarks>
    unsafe CallerIdentity.Scope KillSetId(int fd)
    {
        if (!_identity.KeepsSetId)
            return default;
        Statx status;
        var result = FileStatus.Get(fd, FileStatus.STATX_MODE, &status);
        if (result < 0)
            return new(result.ToErrno());
        if ((status.Mode & (StatMode.SetGid | StatMode.GroupExecute)) != StatMode.SetGid)
            return (status.Mode & (StatMode.SetUid | StatMode.SetGid)) == 0 ? default : _identity.DropSetId();
        if ((status.Mode & StatMode.SetUid) == 0)
            return default;
        return new(ChangeMode(fd, status.Mode & StatMode.PermissionMask & ~StatMode.SetUid) is var error and < 0 ? error.ToErrno() : Errno.None);
    }

    bool _noChangeModeAt2;
}
