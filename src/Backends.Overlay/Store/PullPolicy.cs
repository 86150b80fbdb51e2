namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>When a tag of a remote source is asked for anew. A digest never is; a layout on this host always is, which costs nothing.</summary>
public enum PullPolicy
{
    /// <summary>When the store does not know it yet.</summary>
    Missing,

    /// <summary>Each time.</summary>
    Always,

    /// <summary>Not at all: what the store does not know cannot be opened.</summary>
    Never,
}
