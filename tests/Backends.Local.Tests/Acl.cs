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

    static void Entry(Span<byte> at, ushort tag, ushort permissions)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(at, tag);
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], permissions);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], uint.MaxValue);
    }
}
