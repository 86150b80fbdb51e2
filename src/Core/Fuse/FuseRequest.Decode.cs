using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Reads the body. All that a guest can get wrong in names and sizes is found here.</summary>
sealed unsafe partial class FuseRequest
{
    const int MaxName = 255;
    const int MaxTarget = 4095;
    const int MaxXattrValue = 65536;

    int _length;
    int _position;

    /// <summary>The next <c>sizeof(T)</c> bytes of the body. False: it is too short (EINVAL).</summary>
    public bool Read<T>(out T value)
        where T : unmanaged
    {
        if (_length - _position < sizeof(T))
        {
            Unsafe.SkipInit(out value);
            return false;
        }
        value = Unsafe.ReadUnaligned<T>(_body + _position);
        _position += sizeof(T);
        return true;
    }

    /// <summary>Bytes of the body that were not read.</summary>
    public int Remaining => _length - _position;

    /// <summary>A component of a path into <see cref="RequestContext.Name"/>.</summary>
    public Errno ReadName()
    {
        var error = ReadComponent(out var name);
        Name = name;
        return error;
    }

    /// <summary>A component of a path into <see cref="RequestContext.SecondName"/>.</summary>
    public Errno ReadSecondName()
    {
        var error = ReadComponent(out var name);
        SecondName = name;
        return error;
    }

    /// <summary>A symbolic link's target into <see cref="RequestContext.SecondName"/>.</summary>
    public Errno ReadTarget()
    {
        if (!ReadString(out var target))
            return Errno.EINVAL;
        SecondName = target;
        return target.Length == 0 ? Errno.ENOENT : target.Length > MaxTarget ? Errno.ENAMETOOLONG : Errno.None;
    }

    /// <summary>The name of an extended attribute into <see cref="RequestContext.Name"/>.</summary>
    public Errno ReadXattrName()
    {
        if (!ReadString(out var name))
            return Errno.EINVAL;
        Name = name;
        return name.Length is 0 or > MaxName ? Errno.ERANGE : Errno.None;
    }

    /// <summary>The value of an extended attribute into <see cref="RequestContext.SecondName"/>.</summary>
    public Errno ReadXattrValue(uint size)
    {
        if (size > MaxXattrValue)
            return Errno.E2BIG;
        if (size > Remaining)
            return Errno.EINVAL;
        SecondName = new ByteString(_body + _position, (int)size);
        _position += (int)size;
        return Errno.None;
    }

    /// <summary>
    /// Splits the extensions off the end of the body (since 7.38: their length is in the header, in units of 8 bytes) and takes
    /// the caller's supplementary group from them.
    /// </summary>
    public Errno ReadExtensions()
    {
        var size = _header.TotalExtensionLength * 8;
        if (size == 0)
            return Errno.None;
        if (size > _length)
            return Errno.EINVAL;
        var end = _length;
        var at = _length -= size;
        while (at < end)
        {
            if (end - at < sizeof(ExtensionHeader))
                return Errno.EINVAL;
            var extension = Unsafe.ReadUnaligned<ExtensionHeader>(_body + at);
            if (extension.Size < sizeof(ExtensionHeader) || extension.Size > (uint)(end - at) || extension.Size % 8 != 0)
                return Errno.EINVAL;
            if (extension.Type == Protocol.FUSE_EXT_GROUPS && ReadGroups(at + sizeof(ExtensionHeader), (int)extension.Size - sizeof(ExtensionHeader)) is var error and not Errno.None)
                return error;
            at += (int)extension.Size;
        }
        // The strings in front of the extensions must end before them.
        return Errno.None;
    }

    Errno ReadGroups(int at, int size)
    {
        if (size < sizeof(uint))
            return Errno.EINVAL;
        var count = Unsafe.ReadUnaligned<uint>(_body + at);
        // Linux sends at most the one group that matches the parent directory's.
        if (count > 1 || (count + 1) * sizeof(uint) > (uint)size)
            return Errno.EINVAL;
        if (count == 1)
            SupplementaryGroup = Unsafe.ReadUnaligned<uint>(_body + at + sizeof(uint));
        return Errno.None;
    }

    Errno ReadComponent(out ByteString name)
    {
        if (!ReadString(out name) || name.Length == 0)
            return Errno.EINVAL;
        if (name.Length > MaxName)
            return Errno.ENAMETOOLONG;
        var bytes = name.Span;
        return bytes.Contains((byte)'/') || bytes.SequenceEqual("."u8) || bytes.SequenceEqual(".."u8) ? Errno.EINVAL : Errno.None;
    }

    bool ReadString(out ByteString value)
    {
        var length = new ReadOnlySpan<byte>(_body + _position, _length - _position).IndexOf((byte)0);
        value = new ByteString(_body + _position, Math.Max(length, 0));
        _position += length + 1;
        return length >= 0;
    }
}
