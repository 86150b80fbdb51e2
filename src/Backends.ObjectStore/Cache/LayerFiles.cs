namespace VirtioFsStore.Backends.ObjectStore.Cache;

/// <summary>Where the files of a layer's cache lie.</summary>
/// <param name="Data">The data file; it exists and has its final length.</param>
/// <param name="State">The state file; it exists and is allocated to its end.</param>
/// <param name="Used">When each piece was used last (<see cref="LastUse"/>); made if it is missing. Null to keep that in memory.</param>
/// <param name="Digests">Digests of pieces whose index has none (<see cref="PieceDigests"/>); made when there is one. Null to keep none.</param>
public sealed record LayerFiles(string Data, string State, string? Used, string? Digests = null);
