namespace VirtioFsStore.ImageMaker;

/// <summary>An image that a test makes: its name is its tag.</summary>
/// <param name="Name">Letters, digits and dashes.</param>
/// <param name="Layers">The lowest first.</param>
public sealed record MadeImage(string Name, params IReadOnlyList<MadeLayer> Layers)
{
    public MadeImage(string name, params ReadOnlySpan<TarWriter> layers)
        : this(name, Array.ConvertAll(layers.ToArray(), tar => new MadeLayer(tar.ToArray())))
    {
    }

    public override string ToString() => Name;

    public void AddTo(LayoutWriter layout) => layout.Tag(
        Name,
        layout.Manifest([.. Layers.Select(layer => layout.Add(layer.MediaType, layer.Compress()))], [.. Layers.Select(layer => layer.DiffId)]));
}
