namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What a member of a tar stream is to a layer.</summary>
enum MemberKind
{
    /// <summary>Not part of the image: no entry.</summary>
    Ignored,

    /// <summary>An entry; data that the member has is not part of the image.</summary>
    WithoutContent,

    /// <summary>A regular file that is not empty.</summary>
    WithContent,
}
