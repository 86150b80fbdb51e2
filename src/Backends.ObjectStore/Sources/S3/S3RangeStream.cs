using Amazon.S3.Model;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>The body of one answer, less what comes before the range.</summary>
/// <param name="name">For messages.</param>
/// <param name="answer">Becomes this object's own.</param>
/// <param name="skip">Bytes before the range.</param>
/// <param name="length">Of the range.</param>
sealed class S3RangeStream(string name, GetObjectResponse answer, long skip, long length) : AnswerStream(name, skip, length)
{
    protected override void Dispose(bool disposing)
    {
        if (disposing) answer.Dispose();
        base.Dispose(disposing);
    }

    protected override async ValueTask<int> ReadBodyAsync(Memory<byte> into, CancellationToken cancellation)
    {
        try
        {
            return await answer.ResponseStream.ReadAsync(into, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.Describe($"cannot read {Name}", e, cancellation) is { } failure)
        {
            throw failure;
        }
    }
}
