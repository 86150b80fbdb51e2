using System.Buffers.Binary;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The state file of a layer: a header page, then for each piece a 64-bit word, whose lower half is a
/// <see cref="PieceState"/> and whose upper half counts the evictions. A reader compares the whole word before and after it
/// reads the data. All little-endian.</summary>
public static class StateFile
{
    public const int HeaderSize = 4096;
    public const uint Version = 1;
    public const int WordSize = 8;

    /// <summary>"VfsState" in the file's first bytes.</summary>
    public const ulong Magic = 0x6574617453736656;

    /// <summary>The random id of the boot in which the marks were made, 16 bytes: after another, pieces are to be verified
    /// again. Zero says that every mark was made after its data was synced.</summary>
    public const int BootIdOffset = 24;

    /// <summary>32 bits: 1 while the data file is being synced. A keeper that is killed then cannot know whether the sync failed, so its
    /// marks are as those of another boot.</summary>
    public const int SyncingOffset = 40;

    /// <summary>32 bytes, meant where the boot id is zero: SHA-256 of the time at which the data file was written last (64-bit seconds and
    /// nanoseconds), then all words. Another one says that someone else has written one of the files since. Zero for none.</summary>
    public const int SealOffset = 48;

    public const int SealSize = 32;

    public static long FileSize(long pieces) => HeaderSize + pieces * WordSize;

    public static ulong Word(PieceState state, uint generation) => (uint)state | ((ulong)generation << 32);

    /// <summary>Writes a state file in which every piece is in one state, allocated to its end: it will be mapped, and a store
    /// into a hole on a full disk would be a SIGBUS.</summary>
    public static unsafe void Create(string path, long pieces, PieceState state)
    {
        using var file = new FileDescriptor(SystemCallException.ThrowIfError(
            Descriptors.Open(path, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180 /* 0600 */), "open", path));
        SystemCallException.ThrowIfError(FileSpace.Allocate(file.Value, 0, 0, FileSize(pieces)), "fallocate", path);
        var buffer = new byte[64 << 10];
        BinaryPrimitives.WriteUInt64LittleEndian(buffer, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(8), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(12), HeaderSize);
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(16), (ulong)pieces);
        Write(file.Value, buffer.AsSpan(0, HeaderSize), 0, path);
        for (var i = 0; i < buffer.Length; i += WordSize)
            BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(i), Word(state, 0));
        for (long offset = HeaderSize, end = FileSize(pieces); offset < end;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset));
            Write(file.Value, part, offset, path);
            offset += part.Length;
        }
    }

    static unsafe void Write(int fd, ReadOnlySpan<byte> data, long offset, string path)
    {
        fixed (byte* bytes = data)
            for (var done = 0; done < data.Length;)
                done += (int)SystemCallException.ThrowIfError(FileIo.WriteAt(fd, bytes + done, (nuint)(data.Length - done), offset + done), "pwrite", path);
    }
}
