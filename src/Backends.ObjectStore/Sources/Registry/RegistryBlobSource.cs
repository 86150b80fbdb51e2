using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>A blob that several hosts have: each range is asked of one after the other, once.</summary>
sealed class RegistryBlobSource(
    string name, long size, Digest digest, RegistryHostSet set, IReadOnlyList<RegistryHost> hosts, Func<RegistryHost, HttpRangeSource> open) : IRangeSource
{
    readonly Dictionary<RegistryHost, HttpRangeSource> _sources = hosts.ToDictionary(host => host, open);

    public string Name => name;

    public long Size => size;

    public SourceIdentity Identity => new(digest, null);

    public ValueTask<Stream> OpenAsync(long offset, long length, CancellationToken cancellation) =>
        set.AskAsync(hosts, host => _sources[host].OpenAsync(offset, length, cancellation), cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
