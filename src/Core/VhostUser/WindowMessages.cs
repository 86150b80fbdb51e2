using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>Writes commands as messages, header included, in either dialect.</summary>
static class WindowMessages
{
    /// <summary>The longer of both.</summary>
    public const int MaxSize = Message.HeaderSize + (SlaveFsFields * SlaveFsEntries * sizeof(ulong));

    const uint ShmemMap = 9;
    const uint ShmemUnmap = 10;
    const uint SlaveFsMap = 6;
    const uint SlaveFsUnmap = 7;

    /// <summary>VHOST_USER_FS_SLAVE_ENTRIES: the message has so many places; those of length 0 are not used.</summary>
    const int SlaveFsEntries = 8;

    const int SlaveFsFields = 4;

    /// <summary>Bytes of the message.</summary>
    public static int Write(WindowDialect dialect, WindowCommand command, Span<byte> into) =>
        dialect == WindowDialect.SlaveFs ? WriteSlaveFs(command, into) : WriteShmem(command, into);

    public static string NameOf(WindowDialect dialect, WindowCommand command) => (dialect, command.IsMap) switch
    {
        (WindowDialect.SlaveFs, true) => "SLAVE_FS_MAP",
        (WindowDialect.SlaveFs, false) => "SLAVE_FS_UNMAP",
        (_, true) => "SHMEM_MAP",
        (_, false) => "SHMEM_UNMAP",
    };

    /// <summary>u8 region's id (virtio-fs: 0), padding, u64 file offset, window offset, length, flags (bit 0: writable).</summary>
    static int WriteShmem(WindowCommand command, Span<byte> into)
    {
        Span<ulong> body = [0, command.FileOffset, command.WindowOffset, command.Length, command.IsWritable ? 1UL : 0];
        return Write(command.IsMap ? ShmemMap : ShmemUnmap, body, into);
    }

    /// <summary>VhostUserFSSlaveMsg: u64 file offsets, window offsets, lengths and flags (bit 0: readable, bit 1: writable), eight of each.</summary>
    static int WriteSlaveFs(WindowCommand command, Span<byte> into)
    {
        Span<ulong> body = stackalloc ulong[SlaveFsFields * SlaveFsEntries];
        body.Clear();
        body[0] = command.FileOffset;
        body[SlaveFsEntries] = command.WindowOffset;
        body[2 * SlaveFsEntries] = command.Length;
        body[3 * SlaveFsEntries] = !command.IsMap ? 0UL : command.IsWritable ? 3UL : 1;
        return Write(command.IsMap ? SlaveFsMap : SlaveFsUnmap, body, into);
    }

    static int Write(uint request, ReadOnlySpan<ulong> body, Span<byte> into)
    {
        var bytes = MemoryMarshal.AsBytes(body);
        MemoryMarshal.Write(into, request);
        MemoryMarshal.Write(into[4..], Message.Version | Message.NeedReplyFlag);
        MemoryMarshal.Write(into[8..], (uint)bytes.Length);
        bytes.CopyTo(into[Message.HeaderSize..]);
        return Message.HeaderSize + bytes.Length;
    }
}
