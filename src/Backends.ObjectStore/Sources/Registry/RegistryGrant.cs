namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>What is shown to a registry.</summary>
/// <param name="Header">The value of Authorization.</param>
/// <param name="Challenge">What it answers.</param>
/// <param name="Until">When it expires; null if never.</param>
sealed record RegistryGrant(string Header, AuthChallenge Challenge, DateTimeOffset? Until);
