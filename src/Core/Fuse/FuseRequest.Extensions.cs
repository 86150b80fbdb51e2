using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Reads what a request that creates carries behind its body: the caller's supplementary group and security labels.</summary>
sealed unsafe partial class FuseRequest
{
    static ReadOnlySpan<byte> SecurityNamespace => "security."u8;

    /// <summary>
    /// Splits the extensions off the end of the body (since 7.38: their length is in the header, in units of 8 bytes) and reads them. The
    /// strings in front of them must then end before them.
    /// </summary>
    public Errno ReadExtensions(NegotiatedSession session)
    {
        var size = _header.TotalExtensionLength * 8;
        if (size == 0)
            return Errno.None;
        if (size > _length)
            return Errno.EINVAL;
        var end = _length;
        _length -= size;
        return ReadExtensions(session, _length, end);
    }

    /// <summary>Reads the labels of a guest before 7.38, which follow the last string with nothing in the header to tell of them.</summary>
    public Errno ReadTrailingLabels(NegotiatedSession session)
    {
        if (session.Minor >= Protocol.FirstMinorWithExtensions || !session.Has(InitFlags.SECURITY_CTX))
            return Errno.None;
        var at = _position;
        _position = _length;
        return ReadExtensions(session, at, _length);
    }

    Errno ReadExtensions(NegotiatedSession session, int at, int end)
    {
        while (at < end)
        {
            if (end - at < sizeof(ExtensionHeader))
                return Errno.EINVAL;
            var extension = Unsafe.ReadUnaligned<ExtensionHeader>(_body + at);
            if (extension.Size < sizeof(ExtensionHeader) || extension.Size > (uint)(end - at) || extension.Size % 8 != 0)
                return Errno.EINVAL;
            var body = at + sizeof(ExtensionHeader);
            at += (int)extension.Size;
            var error = extension.Type switch
            {
                Protocol.FUSE_EXT_GROUPS => ReadGroups(body, at - body),
                < Protocol.FUSE_EXT_GROUPS when session.Has(InitFlags.SECURITY_CTX) => ReadLabels(body, at - body, (int)extension.Type),
                _ => Errno.None,
            };
            if (error != Errno.None)
                return error;
        }
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

    /// <summary>Checks all of them, so that <see cref="SecurityLabels"/> can walk them without.</summary>
    Errno ReadLabels(int at, int size, int count)
    {
        if (!Labels.IsEmpty)
            return Errno.EINVAL;
        var end = at + size;
        var start = at;
        for (var i = 0; i < count; i++)
        {
            if (end - at < sizeof(SecurityContextHeader))
                return Errno.EINVAL;
            var header = Unsafe.ReadUnaligned<SecurityContextHeader>(_body + at);
            var bytes = new ReadOnlySpan<byte>(_body + at + sizeof(SecurityContextHeader), end - at - sizeof(SecurityContextHeader));
            var name = bytes.IndexOf((byte)0);
            if (name <= SecurityNamespace.Length || name > MaxName || !bytes.StartsWith(SecurityNamespace))
                return Errno.EINVAL;
            if (header.Size is 0 or > MaxXattrValue || header.Size > (uint)(bytes.Length - name - 1))
                return Errno.EINVAL;
            at += SecurityLabels.RecordLength(name, (int)header.Size);
            if (at > end)
                return Errno.EINVAL;
        }
        Labels = new SecurityLabels(_body + start, count);
        return Errno.None;
    }
}
