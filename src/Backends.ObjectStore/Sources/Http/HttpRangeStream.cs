using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>The body of an answer, up to what was asked for.</summary>
/// <param name="name">For messages.</param>
/// <param name="response">Becomes this object's own.</param>
/// <param name="body">Of it.</param>
/// <param name="skip">Bytes before the range.</param>
/// <param name="length">Of the range, or of what the server gives of it.</param>
/// <param name="watcher">Null for nobody.</param>
sealed class HttpRangeStream(string name, HttpResponseMessage response, Stream body, long skip, long length, IBodyWatcher? watcher) : AnswerStream(name, skip, length)
{
    protected override void Dispose(bool disposing)
    {
        if (disposing) response.Dispose();
        base.Dispose(disposing);
    }

    protected override async ValueTask<int> ReadBodyAsync(Memory<byte> into, CancellationToken cancellation)
    {
        try
        {
            var read = await body.ReadAsync(into, cancellation).ConfigureAwait(false);
            if (read == 0) watcher?.Broke();
            else watcher?.Received(read);
            return read;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            watcher?.Broke();
            throw new SourceException(SourceFailure.Transient, $"{Name}: the answer broke {Missing} bytes before its end: {e.Message}", e);
        }
        catch (OperationCanceledException)
        {
            watcher?.GivenUp();
            throw;
        }
    }
}
