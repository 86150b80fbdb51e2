namespace VirtioFsStore.Backends.Overlay.RemoteIndexes;

/// <summary>Which indexes that somebody else made are used in place of a layer's stream.</summary>
public enum RemoteIndexPolicy
{
    /// <summary>None: every layer is streamed once, and its digests are compared.</summary>
    Never,

    /// <summary>Those whose digest the image's manifest says: whoever chose the layers chose them too.</summary>
    Pinned,

    /// <summary>Those, too, that merely lie beside a layer.</summary>
    Trust,
}
