namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Whose requests look how.</summary>
public enum ClientForm
{
    /// <summary>Kata's shim in Go (net/http): mount points as they are.</summary>
    Go,

    /// <summary>Kata's runtime-rs (hyper with hyperlocal): mount points percent-encoded.</summary>
    RuntimeRs,
}
