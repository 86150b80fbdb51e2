namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>How the ids of an <see cref="IdRange"/> are translated.</summary>
enum IdRangeKind
{
    /// <summary>One by one: each keeps its distance from the first.</summary>
    Shift,

    /// <summary>All to the target.</summary>
    Squash,

    /// <summary>Not at all: using them is an error.</summary>
    Forbid,
}
