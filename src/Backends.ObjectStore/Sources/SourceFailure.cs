namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>What kind of failure a source met: whether to try again, and what to tell.</summary>
public enum SourceFailure
{
    /// <summary>It is wrong, and stays so: a file that cannot be read, an answer that makes no sense.</summary>
    Permanent,

    /// <summary>The way to it broke, or it could not answer just now: a reset, a timeout, a short body, 5xx. Worth another try.</summary>
    Transient,

    /// <summary>It asks for patience: 429, 503 with Retry-After.</summary>
    Busy,

    /// <summary>It does not accept the credentials, which were read anew already (401, 403).</summary>
    Refused,

    /// <summary>There is no such thing (404).</summary>
    Missing,

    /// <summary>There is something else now: another ETag, another size.</summary>
    Changed,
}
