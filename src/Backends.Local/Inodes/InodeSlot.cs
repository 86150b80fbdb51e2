using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Inodes;

/// <summary>
/// An inode that the guest knows: 80 bytes of native memory, so that a million of them are nothing to the garbage
/// collector. Its identity (mount, ino, birth, handle, type) never changes between allocation and retirement.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
unsafe struct InodeSlot
{
    public const int InlineHandle = 24;

    /// <summary>See <see cref="InodeWord"/>; changed by compare-and-swap only.</summary>
    public ulong Word;

    public ulong Ino;

    /// <summary>Birth time in nanoseconds, 0 if the file system has none: tells a recycled inode number from the old file.</summary>
    public long Birth;

    /// <summary>Counts the inodes that had this slot; its low 20 bits are in their node ids.</summary>
    public uint Generation;

    /// <summary>The next slot of the hash chain, or of the free list.</summary>
    public int Next;

    /// <summary>Where the descriptor cache keeps this slot's descriptor; meaningful while it is open and not pinned.</summary>
    public int CachePosition;

    public int HandleType;
    public ushort Mount;

    /// <summary>DT_*.</summary>
    public byte Type;

    /// <summary>The shard whose lock guards the chain; a slot stays with its shard for ever.</summary>
    public byte Shard;

    /// <summary>Found by lookups. False once another file has taken its place on the host.</summary>
    public bool InTable;

    public bool Allocated;
    public bool IsMountRoot;

    /// <summary>The descriptor stays until the slot is retired: there is no handle, or the file has lost its last name.</summary>
    public bool Pinned;

    /// <summary>Used since the cache's hand last came by.</summary>
    public bool Recent;

    /// <summary>0: none.</summary>
    public byte HandleLength;

    /// <summary>The handle's bytes, or where they are if there are more than <see cref="InlineHandle"/>.</summary>
    public fixed byte Handle[InlineHandle];

    public void SetHandle(FileHandle* handle)
    {
        HandleLength = (byte)handle->Length;
        HandleType = handle->Type;
        var source = new ReadOnlySpan<byte>(handle->Bytes, HandleLength);
        fixed (byte* inline = Handle)
        {
            var target = inline;
            if (HandleLength > InlineHandle)
                *(byte**)inline = target = (byte*)NativeMemory.Alloc(HandleLength);
            source.CopyTo(new Span<byte>(target, HandleLength));
        }
    }

    public void CopyHandle(FileHandle* to)
    {
        to->Length = HandleLength;
        to->Type = HandleType;
        fixed (byte* inline = Handle)
            HandleBytes(inline).CopyTo(new Span<byte>(to->Bytes, FileHandles.MaxLength));
    }

    public bool HandleEquals(FileHandle* other)
    {
        if (other->Length != HandleLength || other->Type != HandleType)
            return false;
        fixed (byte* inline = Handle)
            return HandleBytes(inline).SequenceEqual(new ReadOnlySpan<byte>(other->Bytes, HandleLength));
    }

    public void FreeHandle()
    {
        if (HandleLength > InlineHandle)
        {
            fixed (byte* inline = Handle)
                NativeMemory.Free(*(byte**)inline);
        }
        HandleLength = 0;
    }

    readonly ReadOnlySpan<byte> HandleBytes(byte* inline) =>
        new(HandleLength > InlineHandle ? *(byte**)inline : inline, HandleLength);
}
