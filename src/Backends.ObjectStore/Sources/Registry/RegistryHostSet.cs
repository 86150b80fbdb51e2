using System.Runtime.ExceptionServices;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>The hosts of a repository: one is asked after the other until one has it. Safe for concurrent use.</summary>
sealed class RegistryHostSet(IReadOnlyList<RegistryHost> hosts, SourceCounters counters) : IDisposable
{
    /// <summary>Those that can do something, in the order of the configuration.</summary>
    public List<RegistryHost> With(RegistryCapabilities capability) => [.. hosts.Where(host => host.Capabilities.HasFlag(capability))];

    /// <summary>Asks those that are thought well first, in the order of the configuration.</summary>
    /// <param name="among">Of <see cref="With"/>.</param>
    /// <param name="ask">What is done with each.</param>
    /// <param name="cancellation">A host that is being asked when it comes is thought slow.</param>
    /// <exception cref="SourceException">None has it; what the registry itself said, if it was asked.</exception>
    public async ValueTask<T> AskAsync<T>(IReadOnlyList<RegistryHost> among, Func<RegistryHost, ValueTask<T>> ask, CancellationToken cancellation)
    {
        SourceException? failure = null;
        foreach (var host in among.OrderBy(host => host.IsSuspect))
        {
            cancellation.ThrowIfCancellationRequested();
            if (failure is not null) counters.Requested();
            host.Asked();
            try
            {
                var answer = await ask(host).ConfigureAwait(false);
                host.Gave();
                return answer;
            }
            catch (SourceException e)
            {
                // What it does not have it may get; what it does not give it may give to others.
                host.Failed(e);
                if (failure is null || host.IsServer) failure = e;
            }
            catch (OperationCanceledException)
            {
                host.GivenUp();
                throw;
            }
        }

        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        throw new SourceException("no host of the registry's hosts.toml has the capability that this needs");
    }

    public void Dispose()
    {
        foreach (var host in hosts) host.Dispose();
    }
}
