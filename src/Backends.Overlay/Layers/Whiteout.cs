using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>Names that say something of lower layers (image-spec, layer.md "Whiteouts").</summary>
static class Whiteout
{
    /// <summary>Understands a normalised path.</summary>
    /// <param name="path">Of the entry.</param>
    /// <param name="target">The path that is hidden, or whose content is.</param>
    /// <exception cref="TarException">The whiteout names nothing that could be hidden.</exception>
    public static WhiteoutKind Classify(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> target)
    {
        target = path;
        if (path.IndexOf(".wh."u8) < 0) return WhiteoutKind.None;
        var name = TarPath.Name(path);
        if (name.SequenceEqual(".wh..wh..opq"u8))
        {
            target = TarPath.Parent(path);
            return WhiteoutKind.Opaque;
        }

        // AUFS kept its own affairs under such names, among them whole folders.
        if (path.StartsWith(".wh..wh."u8) || path.IndexOf("/.wh..wh."u8) >= 0) return WhiteoutKind.Ignored;
        if (!name.StartsWith(".wh."u8)) return WhiteoutKind.None;
        var hidden = name[4..];
        if (hidden.IsEmpty || hidden.SequenceEqual("."u8) || hidden.SequenceEqual(".."u8))
            throw new TarException($"the whiteout {TarField.Display(path)} names nothing that it could hide");
        var parent = TarPath.Parent(path);
        target = parent.IsEmpty ? hidden.ToArray() : (byte[])[.. parent, (byte)'/', .. hidden];
        return WhiteoutKind.Hides;
    }

    /// <summary>The path under which a tar stream has what an entry of a layer index says.</summary>
    public static ReadOnlySpan<byte> MemberPath(LayerEntryType type, ReadOnlySpan<byte> path) => type switch
    {
        LayerEntryType.Whiteout => InFolder(TarPath.Parent(path), [.. ".wh."u8, .. TarPath.Name(path)]),
        LayerEntryType.Opaque => InFolder(path, ".wh..wh..opq"u8),
        _ => path,
    };

    static byte[] InFolder(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> name) => folder.IsEmpty ? name.ToArray() : [.. folder, (byte)'/', .. name];
}
