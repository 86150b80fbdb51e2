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

    /// <summary>As <see cref="ReadName"/>, for what is to be made, and the labels for it.</summary>
    public Errno ReadNewName(NegotiatedSession session) => ReadName() is var error and not Errno.None ? error : ReadTrailingLabels(session);

    /// <summary>Labels behind a name that means nothing (TMPFILE sends "/").</summary>
    public Errno ReadNoName(NegotiatedSession session) => ReadString(out _) ? ReadTrailingLabels(session) : Errno.EINVAL;

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
