namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>What a message between the parent and its server is. Each request to the server is answered by <see cref="Done"/>, <see cref="Failed"/> or
/// <see cref="Statistics"/> with its id.</summary>
enum ServerMessage : uint
{
    /// <summary>To the server, first: its <see cref="Serving.ServeSettings"/>.</summary>
    Settings = 1,

    /// <summary>To the server: descriptors of the source that the <see cref="Mount"/> of the same id names, the first ones first.</summary>
    Descriptors = 2,

    /// <summary>To the server: a <see cref="MountMessage"/>.</summary>
    Mount = 3,

    /// <summary>To the server: the path that is to be unmounted.</summary>
    Unmount = 4,

    /// <summary>To the server: what was mounted so far is all there is to begin with. Answered when the guest's VMM is waited for.</summary>
    Serve = 5,

    /// <summary>To the server: a path. From it: what was asked of that mount so far, a <see cref="Core.Mounts.MountStatistics"/>, or nothing.</summary>
    Statistics = 6,

    /// <summary>From the server.</summary>
    Done = 7,

    /// <summary>From the server: why not: a byte, 0 or one more than a <see cref="Core.Mounts.MountFailure"/>, and text.</summary>
    Failed = 8,

    /// <summary>To the server: a byte, from which level on it logs.</summary>
    LogLevel = 9,

    /// <summary>From the server: a <see cref="Channels.FetchMessage"/>.</summary>
    Fetch = 10,

    /// <summary>To the server, under the id of a <see cref="Fetch"/>: an errno.</summary>
    Fetched = 11,

    /// <summary>From the server; its id is the number of an image of which nothing is open any more.</summary>
    ReleaseImage = 12,

    /// <summary>To the server: it is to log what is mapped into its guest's window.</summary>
    LogCounts = 13,
}
