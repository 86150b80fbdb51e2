namespace VirtioFsStore.Core.VhostUser;

/// <summary>Where a vhost-user back end listens and what it offers. One of <see cref="SocketPath"/> and <see cref="ListenFd"/> is set.</summary>
public sealed record VhostUserOptions
{
    /// <summary>
    /// A unix socket to make. A stale one is replaced, one that somebody listens on is not. Unlinked when the server ends.
    /// </summary>
    public string? SocketPath { get; init; }

    /// <summary>A descriptor that listens already (Kata's and libvirt's way). The server closes it.</summary>
    public int? ListenFd { get; init; }

    /// <summary>What the log calls the socket where <see cref="ListenFd"/> is one that another process of this program made.</summary>
    public string? ListenName { get; init; }

    /// <summary>The group (a name or a number) that the socket is given to.</summary>
    public string? SocketGroup { get; init; }

    /// <summary>The socket's mode; without one 0600, with a <see cref="SocketGroup"/> 0660.</summary>
    public UnixFileMode? SocketMode { get; init; }

    /// <summary>Listen again when the peer has gone; its session is kept until it is reset or sends INIT anew.</summary>
    public bool Relisten { get; init; }

    /// <summary>The mount tag, 1 to 36 bytes of UTF-8: offers the CONFIG feature, for VMMs that ask the back end for it.</summary>
    public string? Tag { get; init; }

    /// <summary>Bytes of the window that the VMM is asked to make, into which files are mapped (DAX), a multiple of 2 MiB; 0: none.</summary>
    public ulong DaxWindow { get; init; }

    /// <summary>How the VMM is asked to map files.</summary>
    public WindowDialect DaxDialect { get; init; }

    /// <summary>How long a VMM may take to map a file, before it is taken for one that never will.</summary>
    public TimeSpan DaxReplyLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>num_request_queues of the configuration space (virtio 1.3, 5.11.4): how many queues a guest sets up if its VMM asks us.</summary>
    public int RequestQueues { get; init; } = 1;

    /// <summary>
    /// The most request queues a VMM may set up; GET_QUEUE_NUM answers one more, for hiprio. A queue costs a thread only when
    /// it is started.
    /// </summary>
    public int MaxRequestQueues { get; init; } = 64;

    /// <summary>How long stopping a queue, removing memory and the server's end wait for requests in flight.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How much of <see cref="DrainLimit"/> a server that is told to stop leaves to requests in flight, before what they wait for is cancelled: more than a
    /// disk takes, and less than whoever stops a daemon waits.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Called each time the socket has begun to wait for a peer: a client that connects from now on is served. The same
    /// moment is logged as "Waiting for vhost-user socket connection".
    /// </summary>
    public Action? Listening { get; init; }
}
