namespace VirtioFsStore.Backends.Overlay.Transfer;

/// <summary>How far a blob is on its way.</summary>
public enum BlobState
{
    /// <summary>It is to be looked for, and sent if the target lacks it.</summary>
    Waiting,

    /// <summary>The target has it already.</summary>
    Present,

    /// <summary>It is being sent.</summary>
    Sending,

    /// <summary>A host asked to be left alone for a while (Retry-After), and is.</summary>
    Held,

    /// <summary>It was sent.</summary>
    Sent,
}
