using System.Globalization;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Owner, mode and removal of a path that set-up code has made, and groups by name. Results: 0 or −errno.</summary>
public static unsafe partial class SocketFiles
{
    /// <summary>
    /// On a socket that is not yet bound: the mode that bind gives the path (less the umask), so that there is no moment in
    /// which the path is open to others (net/unix/af_unix.c).
    /// </summary>
    public static int SetModeBeforeBind(int socket, uint mode) => LastError.Or(fchmod(socket, mode));

    /// <summary>Of what an O_PATH descriptor stands for. By way of /proc: fchmod refuses such descriptors, and fchmodat2 is of Linux 6.6.</summary>
    public static int SetMode(int fd, uint mode)
    {
        fixed (byte* bytes = Utf8Path.Encode($"/proc/self/fd/{fd.ToString(CultureInfo.InvariantCulture)}"))
            return LastError.Or(chmod(bytes, mode));
    }

    /// <summary>Of what a descriptor, also one of O_PATH, stands for.</summary>
    public static int SetGroup(int fd, uint group)
    {
        var empty = (byte)0;
        return LastError.Or(fchownat(fd, &empty, uint.MaxValue, group, Descriptors.AT_EMPTY_PATH));
    }

    public static int Unlink(string path)
    {
        fixed (byte* bytes = Utf8Path.Encode(path))
            return LastError.Or(unlink(bytes));
    }

    /// <summary>The id of a group of the host's databases (NSS). ENOENT: there is none of that name.</summary>
    public static int FindGroup(string name, out uint group)
    {
        group = 0;
        var capacity = 4096;
        while (true)
        {
            var text = new byte[capacity];
            int error;
            Group* found;
            fixed (byte* bytes = Utf8Path.Encode(name), buffer = text)
            {
                Group entry;
                error = getgrnam_r(bytes, &entry, buffer, (nuint)capacity, &found);
                if (error == 0 && found != null)
                    group = found->Id;
            }
            // A group with many members needs a larger buffer.
            if (error == (int)Errno.ERANGE && capacity < 1 << 24)
                capacity *= 4;
            else
                return error != 0 ? -error : found == null ? -(int)Errno.ENOENT : 0;
        }
    }

    /// <summary>struct group (grp.h).</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct Group
    {
        public byte* Name;
        public byte* Password;
        public uint Id;
        public byte** Members;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmod(int fd, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int chmod(byte* path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchownat(int directory, byte* path, uint owner, uint group, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlink(byte* path);

    /// <summary>Answers the error number itself, not −1.</summary>
    [LibraryImport("libc")]
    private static partial int getgrnam_r(byte* name, Group* entry, byte* buffer, nuint length, Group** result);
}
