namespace VirtioFsStore.Daemon.Keeping;

/// <summary>What a message between a keeper and its clients is. A connection is for one image, as long as it is served, or to watch.</summary>
enum KeeperMessage : uint
{
    /// <summary>To the keeper, first: an <see cref="ImageMessage"/>, with <see cref="Backends.Overlay.Store.ImageRequest.UseMaps"/>.</summary>
    OpenImage = 1,

    /// <summary>To the keeper, first: nothing is wanted but to see the connection's end, which is the keeper's.</summary>
    Watch = 2,

    /// <summary>From the keeper: an <see cref="ImageProgress"/>.</summary>
    Progress = 3,

    /// <summary>From the keeper: descriptors of the image, the first ones first; as many such messages as it takes.</summary>
    Descriptors = 4,

    /// <summary>From the keeper: an <see cref="ImageAnswer"/>. From now on the client may ask for pieces.</summary>
    Image = 5,

    /// <summary>From the keeper, last: the text of an error.</summary>
    Failed = 6,

    /// <summary>From the keeper, first: the request is being worked on, which may take minutes.</summary>
    Accepted = 7,

    /// <summary>To the keeper: a <see cref="Channels.FetchMessage"/>.</summary>
    Fetch = 8,

    /// <summary>From the keeper, under the id of a <see cref="Fetch"/>: an errno.</summary>
    Fetched = 9,

    /// <summary>To the keeper: what the image has cost. Answered by <see cref="Counts"/> under its id.</summary>
    Count = 10,

    /// <summary>From the keeper: <see cref="Backends.Overlay.Store.ImageCounts"/>.</summary>
    Counts = 11,

    /// <summary>To the keeper, first: <see cref="Backends.Overlay.Store.CacheWork"/>, for which the connection is alone.</summary>
    Work = 12,

    /// <summary>From the keeper: a <see cref="Backends.Overlay.Store.LayerReport"/>; as many as there are layers.</summary>
    Layer = 13,

    /// <summary>From the keeper, last: the work is done; a <see cref="Backends.ObjectStore.Cache.CollectResult"/>.</summary>
    Worked = 14,
}
