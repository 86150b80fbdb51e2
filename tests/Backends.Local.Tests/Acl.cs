using System.Buffers.Binary;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>POSIX ACLs as their xattrs hold them (linux/posix_acl_xattr.h).</summary>
static class Acl
{
    const ushort UserObject = 1;
    const ushort GroupObject = 4;
    const ushort Other = 0x20;

    /// <param name="owner">Permissions, 0–7.</param>
    /// <param name="group">Permissions, 0–7.</param>
    /// <param name="other">Permissions, 0–7.</param>
    public static byte[] Of(ushort owner, ushort group, ushort other)
    {
        var bytes = new byte[4 + 3 * 8];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, 2);
        Entry(bytes.AsSpan(4), UserObject, owner);
        Entry(bytes.AsSpan(12), GroupObject, group);
        Entry(bytes.AsSpan(20), Other, other);
        return bytes;
    }

    /// <summary>rw for a user of its own, besides 0640.</summary>
    public static byte[] WithNamedUser(uint uid)
    {
        const ushort User = 2, Mask = 0x10;
        var bytes = new byte[4 + 5 * 8];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, 2);
        Entry(bytes.AsSpan(4), UserObject, 6);
        Entry(bytes.AsSpan(12), User, 6, uid);
        Entry(bytes.AsSpan(20), GroupObject, 4);
        Entry(bytes.AsSpan(28), Mask, 6);
        Entry(bytes.AsSpan(36), Other, 0);
        return bytes;
    }

    static void Entry(Span<byte> at, ushort tag, ushort permissions, uint id = uint.MaxValue)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(at, tag);
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], permissions);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], id);
    }
}
