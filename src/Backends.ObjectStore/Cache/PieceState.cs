namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>The lower half of a piece's word in the state file.</summary>
public enum PieceState : uint
{
    Absent = 0,

    /// <summary>Its bytes were verified and lie in the data file.</summary>
    Present = 1,
}
