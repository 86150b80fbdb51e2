namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>The rules by which layers become one image, written down in docs/formats.md.</summary>
static class MergePolicy
{
    /// <summary>Raised when the same layers would merge into something else; trees of other versions are built anew.</summary>
    public const int Version = 1;

    /// <summary>Of directories that no layer describes: containerd makes them rwxr-xr-x too.</summary>
    public const uint ImpliedDirectoryPermissions = 0x1ed;

    /// <summary>As many symlinks as Linux follows in one path (MAXSYMLINKS, linux/namei.h).</summary>
    public const int MaxSymbolicLinks = 40;
}
