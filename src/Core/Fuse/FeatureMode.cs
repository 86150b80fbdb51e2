namespace VirtioFsStore.Core.Fuse;

/// <summary>Whether a session agrees on a feature that the guest must offer.</summary>
public enum FeatureMode
{
    /// <summary>Not even where the guest offers it.</summary>
    Never,

    /// <summary>Where the guest offers it and a file system of the session has it.</summary>
    Auto,

    /// <summary>A guest that does not offer it cannot mount.</summary>
    Always,
}
