namespace VirtioFsStore.Core.Mounts;

/// <summary>What was asked of a mount so far; counting goes on meanwhile.</summary>
public sealed class MountStatistics
{
    /// <summary>Requests let in, by FUSE's number of the operation.</summary>
    public required IReadOnlyList<ulong> Requests { get; init; }

    /// <summary>Those of <see cref="Requests"/> that were answered with an error.</summary>
    public required IReadOnlyList<ulong> Errors { get; init; }

    /// <summary>READs by the bytes they were answered with: under 1 KiB, under 4, 16, 64, 128, 512 KiB, under 1 MiB, more.</summary>
    public required IReadOnlyList<ulong> ReadSizes { get; init; }

    public required ulong BytesRead { get; init; }

    /// <summary>Files and directories that are open.</summary>
    public required long OpenHandles { get; init; }
}
