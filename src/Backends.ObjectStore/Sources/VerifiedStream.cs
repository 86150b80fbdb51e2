using System.Security.Cryptography;

namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Content that is held to its digest as it is read: the read that would give its last bytes fails where they are not what they should
/// be, so that who stores it stores nothing whole that is wrong.</summary>
/// <param name="content">Becomes this object's own.</param>
/// <param name="name">For messages: where it comes from.</param>
/// <param name="digest">Of all of it.</param>
/// <param name="length">Bytes.</param>
public sealed class VerifiedStream(Stream content, string name, Digest digest, long length) : RangeStream
{
    readonly IncrementalHash _hash = digest.CreateHash();
    long _left = length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0 || buffer.IsEmpty) return 0;
        var read = await content.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken).ConfigureAwait(false);
        if (read == 0) throw new SourceException(SourceFailure.Transient, $"{name} ended {_left} bytes early");
        _hash.AppendData(buffer.Span[..read]);
        _left -= read;
        if (_left == 0 && !digest.Matches(_hash, out var actual))
            throw new SourceException(SourceFailure.Changed, $"{name} has digest {actual}, not {digest}: the copy is damaged");
        return read;
    }

    public override async ValueTask DisposeAsync()
    {
        await content.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            content.Dispose();
        }

        base.Dispose(disposing);
    }
}
