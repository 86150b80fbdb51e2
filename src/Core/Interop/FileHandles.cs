using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>name_to_handle_at and open_by_handle_at. Results: 0 or a descriptor, or −errno.</summary>
public static unsafe partial class FileHandles
{
    /// <summary>MAX_HANDLE_SZ (linux/exportfs.h): the most bytes a handle has.</summary>
    public const int MaxLength = 128;

    /// <summary>Fills <paramref name="handle"/>; EOPNOTSUPP where the file system cannot be exported.</summary>
    public static int Get(int directory, byte* path, FileHandle* handle, int flags)
    {
        handle->Length = MaxLength;
        int mountId;
        return LastError.Or(name_to_handle_at(directory, path, handle, &mountId, flags));
    }

    /// <summary>Opens what a handle stands for: needs CAP_DAC_READ_SEARCH. ESTALE when the file is gone.</summary>
    /// <param name="mount">A descriptor of anything on that mount, not O_PATH.</param>
    /// <param name="handle">As <see cref="Get"/> gave it.</param>
    /// <param name="flags">O_*.</param>
    public static int Open(int mount, FileHandle* handle, int flags)
    {
        int result;
        do
            result = LastError.Or(open_by_handle_at(mount, handle, flags | OpenFlags.O_CLOEXEC));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int name_to_handle_at(int directory, byte* path, FileHandle* handle, int* mountId, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open_by_handle_at(int mount, FileHandle* handle, int flags);
}
