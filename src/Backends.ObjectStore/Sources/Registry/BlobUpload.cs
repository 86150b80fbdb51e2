using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>One upload of a blob (distribution specification, "Pushing a blob in chunks"): POST begins it, PATCH carries chunks, PUT ends it by its
/// digest, and GET tells after a failure how far it got.</summary>
/// <param name="what">For messages.</param>
/// <param name="host">Gets it.</param>
/// <param name="digest">Of the blob.</param>
/// <param name="from">The blob.</param>
/// <param name="isThere">Asks the host once whether it has the blob.</param>
/// <param name="progress">Is told how many bytes the registry has, before anything is sent, and then as it goes on; null for nobody.</param>
/// <param name="endpoint">Whose bounds hold.</param>
/// <param name="counters">Of its requests.</param>
/// <param name="timeout">Of a request, with all its tries; the one that ends the upload has each try's time beside it.</param>
sealed class BlobUpload(
    string what, RegistryHost host, Digest digest, IRangeSource from, Func<CancellationToken, ValueTask<bool>> isThere, Action<long>? progress, RemoteEndpoint endpoint,
    SourceCounters counters, TimeSpan timeout) : IDisposable
{
    /// <summary>Registries verify a blob, and some copy it to where it stays, before they answer: of many gigabytes, that takes minutes. This is for
    /// one try: who answers with a failure is not waited for that long.</summary>
    static readonly TimeSpan s_timeOfEnd = TimeSpan.FromMinutes(10);

    /// <summary>What is lost at most where a registry keeps nothing of a chunk that broke; large enough that round trips do not count.</summary>
    const long ChunkSize = 32L << 20;

    /// <summary>Where a registry wants larger chunks than this, it may have the whole.</summary>
    const long MaxMinimum = 1L << 30;

    const int MaxRestarts = 3;

    readonly IncrementalHash _hash = digest.CreateHash();
    long _hashed;

    /// <summary>Bytes that the registry has.</summary>
    long _offset;

    long _minimum;

    /// <summary>A chunk failed: how much of it arrived, only the registry knows.</summary>
    bool _isUncertain;

    /// <summary>Where to go on; null where there is nothing to go on with.</summary>
    public Uri? Location { get; private set; }

    /// <param name="broken">Where an earlier upload stopped; null for a new one.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="SourceException">It cannot be read or written, or has another digest.</exception>
    public async ValueTask RunAsync(Uri? broken, CancellationToken cancellation)
    {
        (Location, _isUncertain) = (broken, broken is not null);
        for (var restarts = 0; ; restarts++)
        {
            try
            {
                await UploadAsync(cancellation).ConfigureAwait(false);
                Location = null;
                return;
            }
            catch (SourceException e) when (Location is not null && restarts < MaxRestarts && (e.Failure == SourceFailure.Missing || Location == broken))
            {
                // The registry forgot the upload, as it may; and what an earlier one left is not worth more than one try.
                (Location, _offset, _isUncertain) = (null, 0, false);
            }
        }
    }

    public void Dispose() => _hash.Dispose();

    async ValueTask UploadAsync(CancellationToken cancellation)
    {
        if (Location is null) await RunAsync((_, token) => BeginAsync(token), cancellation).ConfigureAwait(false);
        while (_isUncertain || _offset < from.Size)
        {
            // That takes as long as it takes to read it, and no request waits meanwhile.
            if (!_isUncertain) await HashUpToAsync(_offset, cancellation).ConfigureAwait(false);
            await RunAsync(SendChunkAsync, cancellation).ConfigureAwait(false);
        }

        await HashUpToAsync(_offset, cancellation).ConfigureAwait(false);
        if (!digest.Matches(_hash, out var actual))
        {
            await RunAsync((_, token) => AbandonAsync(token), cancellation).ConfigureAwait(false);
            throw new SourceException($"{what}: {from.Name} has digest {actual}; nothing was stored");
        }

        await RunAsync((_, token) => EndAsync(token), cancellation, s_timeOfEnd).ConfigureAwait(false);
    }

    ValueTask<bool> RunAsync(Func<Action, CancellationToken, ValueTask<bool>> step, CancellationToken cancellation, TimeSpan? timeOfTry = null) =>
        endpoint.RunAsync(step, counters, timeout, cancellation, timeOfTry);

    async ValueTask<bool> BeginAsync(CancellationToken cancellation)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Post, host.Address("blobs/uploads/")) { Content = Nothing() }, cancellation, HttpStatusCode.Accepted).ConfigureAwait(false);
        _offset = 0;
        Follow(response);
        if (Location is null) throw new SourceException($"{what}: {host.Name} accepted it, and does not say where");
        if (response.Headers.TryGetValues("OCI-Chunk-Min-Length", out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var minimum))
            _minimum = Math.Min(minimum, MaxMinimum);
        return true;
    }

    async ValueTask<bool> SendChunkAsync(Action wentOn, CancellationToken cancellation)
    {
        if (_isUncertain) await AskHowFarAsync(cancellation).ConfigureAwait(false);
        progress?.Invoke(_offset);
        var (start, length) = (_offset, Math.Min(from.Size - _offset, Math.Max(ChunkSize, _minimum)));
        // What it has of an earlier upload is to be hashed before.
        if (length == 0 || start > _hashed) return true;
        UploadContent? content = null;
        var sending = new Lock();
        var isOver = false;
        _isUncertain = true;
        try
        {
            using var response = await SendAsync(
                () => new HttpRequestMessage(HttpMethod.Patch, Location) { Content = content = UploadContent.Of(from, start, length, Sent, cancellation) },
                cancellation, HttpStatusCode.Accepted, HttpStatusCode.Created, HttpStatusCode.NoContent, HttpStatusCode.RequestedRangeNotSatisfiable).ConfigureAwait(false);
            Follow(response);
            // It has another number of bytes: it is asked for that, or where it has none that it tells of, begun anew.
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
                throw new SourceException(start == 0 ? SourceFailure.Missing : SourceFailure.Transient, $"{what} at {host.Name}: bytes from {start} on do not fit to what it has (416)");
            _offset = Confirmed(response) is { } confirmed and > 0 ? confirmed : start + length;
        }
        catch (SourceException e) when (content?.Failure is { } failure)
        {
            // Trying again is the affair of the blob's own source, which has done so.
            throw new SourceException($"{what}: {failure.Message}", e);
        }
        finally
        {
            lock (sending) isOver = true;
        }

        if (_offset <= start || _offset > start + length) throw new SourceException($"{what}: {host.Name} says that it has {_offset} bytes after {start + length} were sent");
        _isUncertain = false;
        progress?.Invoke(_offset);
        return true;

        void Sent(long offset, ReadOnlyMemory<byte> piece)
        {
            lock (sending)
            {
                // A server may answer before it has heard all, and the rest still be on its way out.
                if (isOver) throw new OperationCanceledException();
                wentOn();
                // A chunk that is sent again was hashed, up to where it broke.
                if (offset + piece.Length > _hashed)
                {
                    _hash.AppendData(piece.Span[(int)(_hashed - offset)..]);
                    _hashed = offset + piece.Length;
                }
            }

            progress?.Invoke(offset + piece.Length);
        }
    }

    async ValueTask AskHowFarAsync(CancellationToken cancellation)
    {
        counters.Requested();
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, Location), cancellation, HttpStatusCode.NoContent, HttpStatusCode.OK, HttpStatusCode.Accepted).ConfigureAwait(false);
        Follow(response);
        var offset = Confirmed(response) ?? 0;
        if (offset > from.Size) throw new SourceException($"{what}: {host.Name} says that it has {offset} bytes of {from.Size}");
        (_offset, _isUncertain) = (offset, false);
    }

    async ValueTask<bool> EndAsync(CancellationToken cancellation)
    {
        var address = new UriBuilder(Location!);
        address.Query = (address.Query.Length > 1 ? address.Query[1..] + "&" : "") + "digest=" + Uri.EscapeDataString(digest.ToString());
        try
        {
            using var response = await SendAsync(
                () => new HttpRequestMessage(HttpMethod.Put, address.Uri) { Content = Nothing() }, cancellation, HttpStatusCode.Created, HttpStatusCode.OK, HttpStatusCode.NoContent, HttpStatusCode.Accepted).ConfigureAwait(false);
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Missing)
        {
            // The end of an earlier try may have arrived, and only its answer been lost.
            counters.Requested();
            if (!await isThere(cancellation).ConfigureAwait(false)) throw;
        }

        return true;
    }

    async ValueTask<bool> AbandonAsync(CancellationToken cancellation)
    {
        var location = Location;
        Location = null;
        try
        {
            using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Delete, location), cancellation, HttpStatusCode.NoContent, HttpStatusCode.Accepted).ConfigureAwait(false);
        }
        catch (SourceException)
        {
            // Registries sweep out what was left.
        }

        return true;
    }

    /// <summary>Reads what the registry has from an earlier upload, so that the digest is of all bytes.</summary>
    async ValueTask HashUpToAsync(long offset, CancellationToken cancellation)
    {
        if (_hashed >= offset) return;
        var stream = await from.OpenAsync(_hashed, offset - _hashed, cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var piece = new byte[64 << 10];
            while (_hashed < offset)
            {
                var read = await stream.ReadAsync(piece, cancellation).ConfigureAwait(false);
                if (read == 0) throw new SourceException($"{from.Name} ended early");
                _hash.AppendData(piece, 0, read);
                _hashed += read;
            }
        }
    }

    void Follow(HttpResponseMessage response)
    {
        if (response.Headers.Location is { } location) Location = HttpRedirects.Target(what, response.RequestMessage!.RequestUri!, location);
    }

    /// <summary>Range is <c>0-LAST</c> here, without a unit. A registry that has nothing says 0-0, as one that has a single byte does.</summary>
    static long? Confirmed(HttpResponseMessage response)
    {
        if (!response.Headers.NonValidated.TryGetValues("Range", out var values)) return null;
        var text = values.ToString();
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        return dash > 0 && long.TryParse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var last) && last < long.MaxValue ? (last == 0 ? 0 : last + 1) : null;
    }

    static ByteArrayContent Nothing() => new([]);

    async ValueTask<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellation, params HttpStatusCode[] hopedFor)
    {
        var response = await host.SendAsync(RegistryAction.Push, request, cancellation).ConfigureAwait(false);
        if (hopedFor.Contains(response.StatusCode)) return response;
        throw await HttpFailures.OfAsync($"{what} at {host.Name}", response, endpoint.Delays.Clock, cancellation).ConfigureAwait(false);
    }
}
