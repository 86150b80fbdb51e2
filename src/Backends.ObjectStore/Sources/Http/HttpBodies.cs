namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>Small bodies, whole.</summary>
static class HttpBodies
{
    const int PieceSize = 16 << 10;

    /// <exception cref="SourceException">It is longer, or breaks.</exception>
    public static async ValueTask<byte[]> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellation)
    {
        var address = response.RequestMessage?.RequestUri is { } uri ? HttpLink.Shown(uri) : "the server";
        if (response.Content.Headers.ContentLength > limit) throw TooLong();
        try
        {
            using var all = new MemoryStream();
            var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                var piece = new byte[PieceSize];
                while (await body.ReadAsync(piece, cancellation).ConfigureAwait(false) is > 0 and var read)
                {
                    all.Write(piece, 0, read);
                    if (all.Length > limit) throw TooLong();
                }
            }

            return all.ToArray();
        }
        catch (Exception e) when (e is HttpRequestException or IOException and not SourceException)
        {
            throw new SourceException(SourceFailure.Transient, $"{address} broke off: {e.Message}", e);
        }

        SourceException TooLong() => new($"{address} has more than {limit} bytes, which is too much for what was asked");
    }
}
