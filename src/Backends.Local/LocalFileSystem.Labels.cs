using System.Buffers.Text;
using VirtioFsStore.Backends.Local.Inodes;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

/// <summary>
/// Files that have their security labels before they have their name: what has no label yet may mean anything to the guest's security
/// module, and a daemon that dies in between would leave it so. A file is made without a name and then linked, anything else is made under
/// another name and then renamed.
/// </summary>
/// <remarks>
/// The labels are set as the daemon, which needs CAP_SYS_ADMIN for it, or the permission of the host's own SELinux. Not by
/// /proc/thread-self/attr/fscreate: that would work on hosts with SELinux alone, and for security.selinux alone.
/// </remarks>
partial class LocalFileSystem
{
    static ReadOnlySpan<byte> SelinuxLabel => "security.selinux"u8;

    static ReadOnlySpan<byte> TemporaryPrefix => ".virtiofs-store-new-"u8;

    /// <summary>Where the host's SELinux is on, every file has a label.</summary>
    unsafe bool HasLabels(int fd, bool privileged)
    {
        var buffer = stackalloc byte[NameCapacity];
        fixed (byte* label = SelinuxLabel)
        {
            var length = ToHostName(new ByteString(label, SelinuxLabel.Length), buffer, out var name);
            if (length < 0)
                return false;
            var error = _xattrs.Get(fd, name, null, 0).ToErrno();
            // Where an xattrmap keeps labels as attributes that anyone may set, there is nothing to be privileged for.
            return error == Errno.None
                || (error == Errno.ENODATA && (privileged || new ReadOnlySpan<byte>(name, length).StartsWith(UserNamespace)));
        }
    }

    /// <summary>
    /// A guest sends labels for all file systems of a session if one of them keeps labels (--security-label=auto); the others make
    /// what they make without.
    /// </summary>
    bool IsToBeLabelled(RequestContext request) => _hasLabels && !request.Labels.IsEmpty;

    unsafe int SetLabels(int fd, in SecurityLabels labels)
    {
        var buffer = stackalloc byte[NameCapacity];
        foreach (var label in labels)
        {
            var result = ToHostName(label.Name, buffer, out var name);
            if (result >= 0)
                result = _xattrs.Set(fd, name, label.Value, (nuint)label.Length, 0);
            if (result < 0)
                return result;
        }
        return 0;
    }

    /// <summary>As <see cref="MakeFile"/>; EEXIST if the name is there.</summary>
    unsafe int MakeLabelledFile(RequestContext request, in InodeReference directory, in OpenRequest open, int flags, byte* name)
    {
        // A file without a name must be open for writing.
        var readOnly = (flags & OpenFlags.O_ACCMODE) == OpenFlags.O_RDONLY;
        var fd = MakeUnnamedFile(request, directory, open, readOnly ? flags | OpenFlags.O_RDWR : flags);
        if (fd < 0)
            return fd;
        var path = new DescriptorPath(fd);
        // What the caller gets is open before the file has its name: nothing can fail any more once that is there.
        var opened = readOnly ? Descriptors.OpenAt(_descriptorDirectory.Value, path.Number(), flags | OpenFlags.O_NOCTTY) : fd;
        var result = opened < 0
            ? opened
            : NameOperations.Link(_descriptorDirectory.Value, path.Number(), directory.Fd, name, Descriptors.AT_SYMLINK_FOLLOW);
        if (readOnly || result < 0)
            _ = Descriptors.Close(fd);
        if (result >= 0)
            return opened;
        if (readOnly && opened >= 0)
            _ = Descriptors.Close(opened);
        return result;
    }

    unsafe int MakeLabelled(RequestContext request, int directory, in NewEntry made)
    {
        const int MaxNumber = 20;
        var temporary = stackalloc byte[TemporaryPrefix.Length + MaxNumber + 1];
        TemporaryPrefix.CopyTo(new Span<byte>(temporary, TemporaryPrefix.Length));
        var result = -(int)Errno.EEXIST;
        for (var attempt = 0; attempt < CreateAttempts && result == -(int)Errno.EEXIST; attempt++)
        {
            Utf8Formatter.TryFormat(Random.Shared.NextInt64(), new Span<byte>(temporary + TemporaryPrefix.Length, MaxNumber), out var length);
            temporary[TemporaryPrefix.Length + length] = 0;
            result = Make(request, directory, temporary, made);
        }
        if (result < 0)
            return result;
        result = LabelAndRename(directory, temporary, request, made);
        if (result is < 0 and not -(int)Errno.EAGAIN)
            _ = NameOperations.Unlink(directory, temporary, made.Kind == NewEntryKind.Directory ? Descriptors.AT_REMOVEDIR : 0);
        return result;
    }

    /// <summary>EAGAIN if the temporary name, which whoever may write in the directory can give to something else, does not lead to what was made.</summary>
    unsafe int LabelAndRename(int directory, byte* temporary, RequestContext request, in NewEntry made)
    {
        var fd = OpenPath(directory, temporary);
        if (fd < 0)
            return fd;
        var result = IsJustMade(fd, made) ? SetLabels(fd, request.Labels) : -(int)Errno.EAGAIN;
        _ = Descriptors.Close(fd);
        if (result < 0)
            return result;
        result = NameOperations.Rename(directory, temporary, directory, request.Name.Pointer, NameOperations.RENAME_NOREPLACE);
        // A file system that cannot do it.
        return result == -(int)Errno.EINVAL ? -(int)Errno.EOPNOTSUPP : result;
    }

    static unsafe bool IsJustMade(int fd, in NewEntry made)
    {
        Statx status;
        if (FileStatus.Get(fd, FileStatus.STATX_TYPE | FileStatus.STATX_NLINK, &status) < 0)
            return false;
        return made.Kind switch
        {
            NewEntryKind.Directory => StatMode.IsDirectory(status.Mode),
            NewEntryKind.SymbolicLink => (status.Mode & StatMode.TypeMask) == StatMode.SymbolicLink && status.LinkCount == 1,
            // mknod(2) takes a mode without a type for a regular file's.
            _ => (status.Mode & StatMode.TypeMask) == ((made.Mode & StatMode.TypeMask) is var type and not 0 ? type : StatMode.Regular) && status.LinkCount == 1,
        };
    }
}
