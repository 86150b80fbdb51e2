namespace VirtioFsStore.Daemon.Keeping;

/// <summary>What a message between a keeper and its clients is. A connection carries one request.</summary>
enum KeeperMessage : uint
{
    /// <summary>To the keeper: an <see cref="ImageRequest"/>.</summary>
    OpenImage = 1,

    /// <summary>To the keeper: nothing is wanted but to see the connection's end, which is the keeper's.</summary>
    Watch = 2,

    /// <summary>From the keeper: an <see cref="ImageProgress"/>.</summary>
    Progress = 3,

    /// <summary>From the keeper: descriptors of the image, the first ones first; as many such messages as it takes.</summary>
    Descriptors = 4,

    /// <summary>From the keeper, last: an <see cref="ImageAnswer"/>.</summary>
    Image = 5,

    /// <summary>From the keeper, last: the text of an error.</summary>
    Failed = 6,

    /// <summary>From the keeper, first: the request is being worked on, which may take minutes.</summary>
    Accepted = 7,
}
