namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>What a reference is known to do otherwise, and is therefore not compared.</summary>
sealed record ComparisonRules
{
    /// <summary>Times are cut to seconds.</summary>
    public bool WholeSeconds { get; init; }

    /// <summary>Directories that no layer describes have the time of the unpacking.</summary>
    public bool ImpliedDirectoriesAreNew { get; init; }

    /// <summary>One line that says so, or null.</summary>
    public string? Explanation { get; init; }
}
