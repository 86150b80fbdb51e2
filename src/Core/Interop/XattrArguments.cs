namespace VirtioFsStore.Core.Interop;

/// <summary>struct xattr_args (linux/xattr.h, Linux 6.13).</summary>
struct XattrArguments
{
    /// <summary>An address.</summary>
    public ulong Value;

    /// <summary>Bytes at it.</summary>
    public uint Size;

    /// <summary>XATTR_*; 0 where a value is asked for.</summary>
    public uint Flags;
}
