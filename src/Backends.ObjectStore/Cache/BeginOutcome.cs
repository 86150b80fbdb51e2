namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>Whether a piece that comes out of a stream is taken.</summary>
enum BeginOutcome
{
    /// <summary>It is: it is to be finished.</summary>
    Begun,

    /// <summary>It is there already, or on its way.</summary>
    NotWanted,

    /// <summary>A guest has its pages mapped, as they were when it was found damaged: they do not change under the mapping.</summary>
    Pinned,
}
