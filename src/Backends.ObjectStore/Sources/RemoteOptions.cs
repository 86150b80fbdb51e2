namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>How remote sources are reached. Plain values: they go with a request to the store's keeper, whose credentials are used.</summary>
public sealed record RemoteOptions
{
    public S3Options S3 { get; init; } = new();

    public RegistryOptions Registry { get; init; } = new();

    /// <summary>How long one read may take, with all that is tried in that time.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
