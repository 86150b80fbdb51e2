using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.S3;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>One S3 service and whoever is known to it. Each request is made once, but for one that is refused: then the credentials are looked
/// for anew, and if there are others, it is made with those.</summary>
sealed class S3Connection : IDisposable
{
    readonly S3HttpClients _clients = new();
    readonly AmazonS3Config _config;
    readonly string? _profile;
    readonly SemaphoreSlim _changing = new(1);
    volatile S3Session? _session;

    /// <exception cref="SourceException">The options make no sense.</exception>
    public S3Connection(S3Options options)
    {
        _config = S3Places.Resolve(options, _clients);
        _profile = options.Profile;
        var url = new Uri(_config.ServiceURL ?? $"https://s3.{_config.RegionEndpoint.SystemName}.amazonaws.com");
        Host = url.IsDefaultPort ? url.Host : $"{url.Host}:{url.Port}";
    }

    /// <summary>HOST[:PORT].</summary>
    public string Host { get; }

    /// <param name="what">Such as <c>cannot read s3://BUCKET/KEY</c>, for messages, which add whose.</param>
    /// <param name="request">Makes the request.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SourceException">It failed; the message begins with <paramref name="what"/>.</exception>
    public async ValueTask<T> RunAsync<T>(string what, Func<IAmazonS3, CancellationToken, Task<T>> request, CancellationToken cancellation)
    {
        what = $"{what} at {Host}";
        var session = _session ?? await ChangeAsync(what, null, cancellation).ConfigureAwait(false);
        try
        {
            return await OnceAsync(what, request, session, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e) when (e.Failure == SourceFailure.Refused)
        {
            var renewed = await ChangeAsync(what, session, cancellation).ConfigureAwait(false);
            if (renewed == session) throw;
            return await OnceAsync(what, request, renewed, cancellation).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _session?.Client.Dispose();
        _clients.Dispose();
        _changing.Dispose();
    }

    static async ValueTask<T> OnceAsync<T>(string what, Func<IAmazonS3, CancellationToken, Task<T>> request, S3Session session, CancellationToken cancellation)
    {
        try
        {
            return await request(session.Client, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.Describe(what, e, cancellation) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>Another session than <paramref name="refused"/>, or that one where the credentials are still the same.</summary>
    async ValueTask<S3Session> ChangeAsync(string what, S3Session? refused, CancellationToken cancellation)
    {
        await _changing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_session is { } current && current != refused) return current;
            // A new one has nothing cached: of the chain, a profile's file and a role's answer are asked again.
            using var resolver = new DefaultAWSCredentialsIdentityResolver();
            var credentials = await resolver.ResolveIdentityAsync(_config, cancellation).ConfigureAwait(false);
            var keys = await credentials.GetCredentialsAsync().WaitAsync(cancellation).ConfigureAwait(false);
            if (refused is not null && keys.Equals(refused.Keys)) return refused;
            // Others may still use the client that there was: it holds nothing but what is collected.
            return _session = new S3Session(new AmazonS3Client(credentials, _config), keys);
        }
        catch (AmazonClientException e)
        {
            throw S3Errors.NoCredentials(what, _profile, e);
        }
        catch (Exception e) when (S3Errors.Describe($"{what}: no credentials could be had", e, cancellation) is { } failure)
        {
            throw failure;
        }
        finally
        {
            _changing.Release();
        }
    }
}
