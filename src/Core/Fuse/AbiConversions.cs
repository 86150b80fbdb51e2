using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Between the neutral types of Storage and the wire.</summary>
static class AbiConversions
{
    const uint STATX_BASIC_STATS = 0x7FF;
    const uint STATX_BTIME = 0x800;

    public static void Write(in NodeAttributes from, Mount mount, NodeAttributeFlags shown, out Attr to)
    {
        to.Ino = mount.Encode(from.Ino);
        to.Size = from.Size;
        to.Blocks = from.Blocks;
        to.Atime = (ulong)from.AccessTime.Seconds;
        to.Mtime = (ulong)from.ModifyTime.Seconds;
        to.Ctime = (ulong)from.ChangeTime.Seconds;
        to.AtimeNsec = from.AccessTime.Nanoseconds;
        to.MtimeNsec = from.ModifyTime.Nanoseconds;
        to.CtimeNsec = from.ChangeTime.Nanoseconds;
        to.Mode = from.Mode;
        to.Nlink = from.LinkCount;
        to.Uid = from.Uid;
        to.Gid = from.Gid;
        to.Rdev = EncodeDevice(from.DeviceMajor, from.DeviceMinor);
        to.Blksize = from.BlockSize;
        var flags = from.Flags & shown;
        to.Flags = (uint)((flags & ~NodeAttributeFlags.AnyDax) | ((flags & NodeAttributeFlags.AnyDax) != 0 ? NodeAttributeFlags.Dax : 0));
    }

    public static void Write(in Entry from, Mount mount, NodeAttributeFlags shown, out EntryOut to)
    {
        to.NodeId = from.Node.IsNone ? 0 : mount.Encode(from.Node.Value);
        to.Generation = from.Generation;
        to.EntryValid = from.EntryValidity.Seconds;
        to.EntryValidNsec = from.EntryValidity.Nanoseconds;
        to.AttrValid = from.AttributesValidity.Seconds;
        to.AttrValidNsec = from.AttributesValidity.Nanoseconds;
        Write(from.Attributes, mount, shown, out to.Attr);
    }

    public static void Write(in AttributesReply from, Mount mount, NodeAttributeFlags shown, out AttrOut to)
    {
        to.AttrValid = from.Validity.Seconds;
        to.AttrValidNsec = from.Validity.Nanoseconds;
        to.Dummy = 0;
        Write(from.Attributes, mount, shown, out to.Attr);
    }

    public static void Write(in AttributesReply from, Mount mount, out StatxOut to)
    {
        ref readonly var attributes = ref from.Attributes;
        to = default;
        to.AttrValid = from.Validity.Seconds;
        to.AttrValidNsec = from.Validity.Nanoseconds;
        ref var stat = ref to.Stat;
        stat.Mask = STATX_BASIC_STATS | (attributes.HasBirthTime ? STATX_BTIME : 0);
        stat.Blksize = attributes.BlockSize;
        stat.Nlink = attributes.LinkCount;
        stat.Uid = attributes.Uid;
        stat.Gid = attributes.Gid;
        stat.Mode = (ushort)attributes.Mode;
        stat.Ino = mount.Encode(attributes.Ino);
        stat.Size = attributes.Size;
        stat.Blocks = attributes.Blocks;
        stat.Atime = ToStatx(attributes.AccessTime);
        stat.Btime = ToStatx(attributes.BirthTime);
        stat.Ctime = ToStatx(attributes.ChangeTime);
        stat.Mtime = ToStatx(attributes.ModifyTime);
        stat.RdevMajor = attributes.DeviceMajor;
        stat.RdevMinor = attributes.DeviceMinor;
    }

    public static void Write(in FileSystemStatistics from, out StatfsOut to)
    {
        to = default;
        to.Blocks = from.Blocks;
        to.Bfree = from.BlocksFree;
        to.Bavail = from.BlocksAvailable;
        to.Files = from.Files;
        to.Ffree = from.FilesFree;
        to.Bsize = from.BlockSize;
        to.Namelen = from.NameLength;
        to.Frsize = from.FragmentSize;
    }

    public static void Write(in OpenReply from, out OpenOut to)
    {
        to.Handle = from.Handle.Value;
        to.OpenFlags = (uint)from.Flags;
        to.BackingId = 0;
    }

    public static SetAttributes Read(in SetAttrIn from) => new()
    {
        Valid = (SetAttributesValid)from.Valid,
        Handle = new HandleId(from.Handle),
        Size = from.Size,
        LockOwner = from.LockOwner,
        AccessTime = new Timestamp((long)from.Atime, from.AtimeNsec),
        ModifyTime = new Timestamp((long)from.Mtime, from.MtimeNsec),
        ChangeTime = new Timestamp((long)from.Ctime, from.CtimeNsec),
        Mode = from.Mode,
        Uid = from.Uid,
        Gid = from.Gid,
    };

    /// <summary>new_encode_dev of linux/kdev_t.h.</summary>
    public static uint EncodeDevice(uint major, uint minor) => (minor & 0xFF) | (major << 8) | ((minor & ~0xFFu) << 12);

    /// <summary>new_decode_dev of linux/kdev_t.h.</summary>
    public static (uint Major, uint Minor) DecodeDevice(uint device) => ((device & 0xFFF00) >> 8, (device & 0xFF) | ((device >> 12) & 0xFFF00));

    static StatxTime ToStatx(Timestamp time) => new() { Seconds = time.Seconds, Nanoseconds = time.Nanoseconds };
}
