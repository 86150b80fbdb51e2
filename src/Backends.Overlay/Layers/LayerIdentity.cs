using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Layers;

/// <summary>What a layer's entries were read from: the same layer may be described by its own stream, and otherwise by an index that somebody
/// else made, which only the images that name that index believe.</summary>
/// <param name="Blob">The layer.</param>
/// <param name="RemoteIndex">See <see cref="LayerDigests.RemoteIndex"/>.</param>
public sealed record LayerIdentity(Digest Blob, Digest? RemoteIndex)
{
    /// <summary>Null for what is not the text of one.</summary>
    public static LayerIdentity? TryParse(string text)
    {
        var parts = text.Split(' ');
        var blob = Digest.TryParse(parts[0]);
        var index = parts.Length == 2 ? Digest.TryParse(parts[1]) : null;
        return blob is null || parts.Length > 2 || (parts.Length == 2 && index is null) ? null : new LayerIdentity(blob, index);
    }

    /// <summary>The blob's digest, and after a space that of the index, if there is one.</summary>
    public override string ToString() => RemoteIndex is null ? Blob.ToString() : $"{Blob} {RemoteIndex}";
}
