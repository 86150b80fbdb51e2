using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>Writes a tree file from front to back and hashes what goes by.</summary>
sealed class TreeSink(Stream file) : IDisposable
{
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly byte[] _buffer = new byte[1 << 18];
    int _filled;

    /// <summary>Bytes written so far.</summary>
    public ulong Position { get; private set; }

    public void Write<T>(in T value)
        where T : unmanaged =>
        Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Position += (ulong)bytes.Length;
        while (!bytes.IsEmpty)
        {
            var count = Math.Min(bytes.Length, _buffer.Length - _filled);
            bytes[..count].CopyTo(_buffer.AsSpan(_filled));
            _filled += count;
            bytes = bytes[count..];
            if (_filled == _buffer.Length)
                Flush();
        }
    }

    public void PadTo(ulong position)
    {
        while (Position < position)
            Write((byte)0);
    }

    /// <summary>Writes what is left; returns the digest of all.</summary>
    public Sha256Value Finish()
    {
        Flush();
        return Sha256Value.From(_hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    void Flush()
    {
        _hash.AppendData(_buffer.AsSpan(0, _filled));
        file.Write(_buffer.AsSpan(0, _filled));
        _filled = 0;
    }
}
