namespace VirtioFsStore.Core.Mounts;

/// <summary>Why something cannot be mounted or unmounted.</summary>
public enum MountFailure
{
    /// <summary>What was asked for makes no sense.</summary>
    Invalid,

    /// <summary>Nothing is mounted there.</summary>
    NotFound,

    /// <summary>The path is taken.</summary>
    Exists,

    /// <summary>The source cannot be opened.</summary>
    Failed,

    /// <summary>There are as many mounts as there can be.</summary>
    TooMany,
}
