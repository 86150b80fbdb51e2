using Amazon.S3.Model;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>The body of one answer, less what comes before the range.</summary>
sealed class S3RangeStream(string name, GetObjectResponse answer, long skip, long length) : RangeStream, ISkippingStream
{
    /// <summary>Enough that skipping costs few calls.</summary>
    const int SkipLength = 64 << 10;

    long _skip = skip;
    long _left = length;
    byte[]? _scratch;

    public bool IsSkipping => _skip > 0;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || _left == 0) return 0;
        while (IsSkipping) await SkipAsync(cancellationToken).ConfigureAwait(false);
        var read = await ReadBodyAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken).ConfigureAwait(false);
        _left -= read;
        return read;
    }

    public async ValueTask<int> SkipAsync(CancellationToken cancellation)
    {
        _scratch ??= new byte[SkipLength];
        var skipped = await ReadBodyAsync(_scratch.AsMemory(0, (int)Math.Min(SkipLength, _skip)), cancellation).ConfigureAwait(false);
        _skip -= skipped;
        return skipped;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) answer.Dispose();
        base.Dispose(disposing);
    }

    async ValueTask<int> ReadBodyAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        int read;
        try
        {
            read = await answer.ResponseStream.ReadAsync(buffer, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.Describe($"cannot read {name}", e, cancellation) is { } failure)
        {
            throw failure;
        }

        return read > 0 ? read : throw new SourceException(SourceFailure.Transient, $"{name}: the answer ended {_skip + _left} bytes early");
    }
}
