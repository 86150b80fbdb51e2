using System.Buffers.Binary;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>POSIX ACLs as their xattrs hold them (linux/posix_acl_xattr.h).</summary>
public static class PosixAcl
{
    public const string Access = "system.posix_acl_access";
    public const string Default = "system.posix_acl_default";

    const ushort UserObject = 1;
    const ushort User = 2;
    const ushort GroupObject = 4;
    const ushort Mask = 0x10;
    const ushort Other = 0x20;

    /// <summary>What a mode says, too.</summary>
    /// <param name="owner">Permissions, 0–7.</param>
    /// <param name="group">Permissions, 0–7.</param>
    /// <param name="other">Permissions, 0–7.</param>
    public static byte[] Of(ushort owner, ushort group, ushort other) =>
        Bytes((UserObject, owner, uint.MaxValue), (GroupObject, group, uint.MaxValue), (Other, other, uint.MaxValue));

    /// <summary>Read and write for a user of its own, besides 0640: to a mode it is 0660, whose group bits are the mask.</summary>
    public static byte[] WithNamedUser(uint uid, ushort permissions = 6, ushort mask = 6) =>
        Bytes((UserObject, (ushort)6, uint.MaxValue), (User, permissions, uid), (GroupObject, (ushort)4, uint.MaxValue), (Mask, mask, uint.MaxValue), (Other, (ushort)0, uint.MaxValue));

    static byte[] Bytes(params ReadOnlySpan<(ushort Tag, ushort Permissions, uint Id)> entries)
    {
        var bytes = new byte[4 + entries.Length * 8];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, 2);
        for (var i = 0; i < entries.Length; i++)
        {
            var at = bytes.AsSpan(4 + i * 8);
            BinaryPrimitives.WriteUInt16LittleEndian(at, entries[i].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(at[2..], entries[i].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], entries[i].Id);
        }
        return bytes;
    }
}
