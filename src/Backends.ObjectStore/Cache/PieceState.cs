namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The lower half of a piece's word in the state file. What is none of these counts as absent.</summary>
public enum PieceState : uint
{
    Absent = 0,

    /// <summary>Its bytes were verified and lie in the data file.</summary>
    Present = 1,

    /// <summary>It was present, but its bytes may not have outlived what happened since. To servers it is absent; the keeper verifies what
    /// lies in the data file before it fetches anything.</summary>
    Suspect = 2,
}
