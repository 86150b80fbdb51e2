using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Mapped memory and memfds. Results: 0 or a descriptor, or −errno.</summary>
public static unsafe partial class MemoryMaps
{
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_ANONYMOUS = 0x20;
    public const int MAP_NORESERVE = 0x4000;

    const uint MFD_CLOEXEC = 1;
    const uint MFD_ALLOW_SEALING = 2;
    const int F_ADD_SEALS = 1033;
    const int F_SEAL_SHRINK = 2;
    const int F_SEAL_GROW = 4;

    /// <summary>Maps <paramref name="length"/> bytes; <paramref name="address"/> is where, or null with an error as the result.</summary>
    public static int Map(nuint length, int protection, int flags, int fd, long offset, out byte* address)
    {
        var result = LastError.Or(mmap(null, length, protection, flags, fd, offset));
        // Addresses of mappings are below 2^47 here; mmap's only negative results are −1, by now −errno.
        address = result < 0 ? null : (byte*)result;
        return result < 0 ? (int)result : 0;
    }

    public static int Unmap(byte* address, nuint length) => LastError.Or(munmap(address, length));

    /// <summary>An anonymous file in memory; <paramref name="name"/> shows in /proc only.</summary>
    public static int CreateMemoryFile(string name)
    {
        fixed (byte* bytes = Utf8Path.Encode(name))
            return LastError.Or(memfd_create(bytes, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    }

    /// <summary>Nobody can make a memory file longer or shorter any more, or take this back.</summary>
    public static int SealSize(int fd)
    {
        const int F_SEAL_SEAL = 1;
        return LastError.Or(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW));
    }

    /// <summary>Whether <see cref="SealSize"/> has been done, by whomever.</summary>
    public static bool IsSizeSealed(int fd)
    {
        const int F_GET_SEALS = 1034;
        const int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
        return LastError.Or(fcntl(fd, F_GET_SEALS, 0)) is >= 0 and var seals && (seals & wanted) == wanted;
    }

    /// <summary>
    /// From now on nobody can write to a memory file, or map it for writing (Linux 5.1): as if it were open for reading only.
    /// </summary>
    public static int SealWrites(int fd)
    {
        const int F_SEAL_FUTURE_WRITE = 16;
        return LastError.Or(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    }

    /// <summary>malloc_trim(3): unused pages of malloc's heaps go back to the system. Of another C library than glibc, nothing.</summary>
    public static void TrimHeap()
    {
        if (NativeLibrary.TryLoad("libc.so.6", out var library) && NativeLibrary.TryGetExport(library, "malloc_trim", out var trim))
            _ = ((delegate* unmanaged<nuint, int>)trim)(0);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(byte* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(byte* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int memfd_create(byte* name, uint flags);
}
