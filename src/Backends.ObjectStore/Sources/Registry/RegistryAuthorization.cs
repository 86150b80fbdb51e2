using System.Net;
using System.Net.Http.Headers;
using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Sends requests to one host of a registry, and shows it what it wants to see: finds out with the first request, renews what expires, and
/// reads credentials anew whenever they are refused. Safe for concurrent use.</summary>
/// <param name="repository">That tokens are for.</param>
/// <param name="key">What this host's credentials are kept under: a mirror is not shown those of the registry it stands for.</param>
/// <param name="address">The host's API.</param>
/// <param name="credentials">Where credentials are.</param>
/// <param name="link">To the host.</param>
/// <param name="counters">Of what this costs beside the requests themselves.</param>
/// <param name="clock">For expiry.</param>
sealed class RegistryAuthorization(
    string repository, string key, Uri address, RegistryCredentials credentials, IHttpSender link, SourceCounters counters, TimeProvider clock) : IDisposable
{
    readonly TokenClient _tokens = new(link, clock);
    readonly RegistryGrant?[] _grants = new RegistryGrant?[Enum.GetValues<RegistryAction>().Length];
    readonly SemaphoreSlim _renewing = new(1);

    /// <exception cref="SourceException">There was no sound answer, or the host does not accept what it was shown (401).</exception>
    public async ValueTask<HttpResponseMessage> SendAsync(RegistryAction action, Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        var grant = Volatile.Read(ref _grants[(int)action]);
        if (grant is not null && grant.Until <= clock.GetUtcNow()) grant = await RenewAsync(action, grant, grant.Challenge, cancellation).ConfigureAwait(false);
        var response = await SendAsync(grant, request, cancellation).ConfigureAwait(false);
        // 403 is what some say to credentials that were withdrawn; where nothing was shown, there is nothing to renew.
        var isRefused = response.StatusCode == HttpStatusCode.Unauthorized || (response.StatusCode == HttpStatusCode.Forbidden && grant is not null);
        if (!isRefused || (ChallengeOf(response) ?? grant?.Challenge) is not { } challenge) return response;
        RegistryGrant renewed;
        try
        {
            renewed = await RenewAsync(action, grant, challenge, cancellation).ConfigureAwait(false);
        }
        catch
        {
            response.Dispose();
            throw;
        }

        if (renewed.Header == grant?.Header) return response;
        response.Dispose();
        counters.Requested();
        return await SendAsync(renewed, request, cancellation).ConfigureAwait(false);
    }

    public void Dispose() => _renewing.Dispose();

    ValueTask<HttpResponseMessage> SendAsync(RegistryGrant? grant, Func<HttpRequestMessage> request, CancellationToken cancellation) => link.SendAsync(
        () =>
        {
            var message = request();
            if (grant is not null) message.Headers.TryAddWithoutValidation("Authorization", grant.Header);
            return message;
        },
        cancellation);

    /// <summary>One at a time; who comes later takes what the first one got.</summary>
    async ValueTask<RegistryGrant> RenewAsync(RegistryAction action, RegistryGrant? refused, AuthChallenge challenge, CancellationToken cancellation)
    {
        await _renewing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (Volatile.Read(ref _grants[(int)action]) is { } now && now != refused) return now;
            var grant = await AnswerAsync(action, challenge, cancellation).ConfigureAwait(false);
            Volatile.Write(ref _grants[(int)action], grant);
            return grant;
        }
        finally
        {
            _renewing.Release();
        }
    }

    async ValueTask<RegistryGrant> AnswerAsync(RegistryAction action, AuthChallenge challenge, CancellationToken cancellation)
    {
        var credential = await credentials.FindAsync(key, repository, cancellation).ConfigureAwait(false);
        if (challenge.Scheme == "bearer")
        {
            counters.Requested();
            return await _tokens.GetAsync(address, challenge, Scope(action), credential, cancellation).ConfigureAwait(false);
        }

        if (credential?.UserName is not { } user)
            throw new SourceException(SourceFailure.Refused, $"{address.Authority} wants a user name and a password, and there is none for {key} in {credentials.Places}; 'docker login' or 'skopeo login' makes them");
        return new RegistryGrant(
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{credential.Password}"))).ToString(), challenge, null);
    }

    string Scope(RegistryAction action) => $"repository:{repository}:" + action switch
    {
        RegistryAction.Pull => "pull",
        RegistryAction.Push => "pull,push",
        _ => "pull,delete",
    };

    /// <summary>A token where one is offered: a password need not go with each request then.</summary>
    static AuthChallenge? ChallengeOf(HttpResponseMessage response)
    {
        if (!response.Headers.NonValidated.TryGetValues("WWW-Authenticate", out var values)) return null;
        var challenges = values.SelectMany(AuthChallenge.Parse).ToList();
        return challenges.Find(challenge => challenge.Scheme == "bearer") ?? challenges.Find(challenge => challenge.Scheme == "basic");
    }
}
