using System.Globalization;
using System.Text;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>What people ask about an image: <c>virtiofs-store image ls</c> and <c>image inspect</c>.</summary>
public static class ImageReport
{
    /// <summary>Lists files as <c>ls -l</c> does, one a line, with times in UTC and names escaped.</summary>
    /// <param name="opened">The image.</param>
    /// <param name="path">A file or directory of the image, its links not followed; "/" or empty for all.</param>
    /// <param name="recursive">All below it too.</param>
    /// <param name="output">Gets the lines.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="ImageException">There is no such path in the image.</exception>
    public static async Task ListAsync(OpenedImage opened, string path, bool recursive, TextWriter output, CancellationToken cancellation)
    {
        var wanted = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries))));
        var below = wanted.Length == 0 ? "" : wanted + "/";
        var found = new List<CheckedFile>();
        var exists = false;
        using var tree = new ServedTree(opened.FileSystem);
        await foreach (var file in tree.WalkAsync(cancellation).ConfigureAwait(false))
        {
            exists |= file.Path == wanted;
            var isBelow = file.Path.Length > below.Length && file.Path.StartsWith(below, StringComparison.Ordinal);
            if (file.Path == wanted ? !file.IsDirectory : isBelow && (recursive || file.Path.IndexOf('/', below.Length) < 0))
                found.Add(file);
        }

        if (!exists)
            throw new ImageException($"{opened.Image.Reference} has no {path}");
        foreach (var file in found.OrderBy(file => file.Path, StringComparer.Ordinal))
            await output.WriteLineAsync(Line(file)).ConfigureAwait(false);
    }

    /// <summary>Tells what an image is, what its layers are and what they take in the store.</summary>
    public static async Task InspectAsync(OpenedImage opened, StoreDirectory store, TextWriter output, CancellationToken cancellation)
    {
        var (image, config) = (opened.Image, opened.Image.Config);
        var text = new StringBuilder();
        Add("image", image.Reference.ToString());
        Add("manifest", image.Manifest.Digest.ToString());
        Add("platform", config.Platform?.ToString());
        Add("created", config.Created);
        Add("entrypoint", Words(config.Entrypoint));
        Add("command", Words(config.Command));
        Add("environment", Words(config.Environment));
        Add("directory", config.WorkingDirectory);
        Add("user", config.User);
        for (var i = 0; i < image.Layers.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var layer = image.Layers[i];
            using var index = store.OpenLayerIndex(layer.Blob.Digest);
            var info = index.Info;
            Add($"layer {i + 1}", $"{layer.Blob.Digest} {layer.Compression.ToString().ToLowerInvariant()}");
            Add("  diff ID", layer.DiffId.ToString());
            Add("  sizes", $"{info.BlobSize} compressed, {info.StreamSize} as tar, {info.Allocated} of data");
            Add("  index", $"{info.EntryCount} entries, {info.PieceCount} pieces, {info.SpanCount} spans");
        }

        var files = opened.FileSystem;
        Add("files", $"{files.InodeCount} inodes, {files.TotalSize} bytes, {files.TotalAllocated} allocated");
        Add("tree", $"{files.TreeSize} bytes");
        await output.WriteAsync(text, cancellation).ConfigureAwait(false);

        void Add(string key, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                text.Append(CultureInfo.InvariantCulture, $"{key + ":",-13} {PathText.Of(Encoding.UTF8.GetBytes(value))}\n");
        }
    }

    static string Words(IReadOnlyList<string> words) => string.Join(' ', words.Select(word => word.Any(c => c is ' ' or '"' or '\'') || word.Length == 0 ? $"'{word}'" : word));

    static string Line(CheckedFile file)
    {
        var size = StatMode.IsDevice(file.Mode) ? $"{file.Device.Major},{file.Device.Minor}" : file.Size.ToString(CultureInfo.InvariantCulture);
        var target = file.Target.Length > 0 ? " -> " + PathText.Of(Encoding.Latin1.GetBytes(file.Target)) : "";
        return $"{Mode(file.Mode)} {file.LinkCount,3} {file.Uid,5} {file.Gid,5} {size,11} {Time(file.Time)} {PathText.FromRoot(Encoding.Latin1.GetBytes(file.Path))}{target}";
    }

    static string Time(Timestamp time) =>
        time.Seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && time.Seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(time.Seconds).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
            : "@" + time.Seconds.ToString(CultureInfo.InvariantCulture);

    static string Mode(uint mode)
    {
        Span<char> text = stackalloc char[10];
        text[0] = (mode & StatMode.TypeMask) switch
        {
            StatMode.Directory => 'd',
            StatMode.SymbolicLink => 'l',
            StatMode.CharacterDevice => 'c',
            StatMode.BlockDevice => 'b',
            StatMode.Fifo => 'p',
            StatMode.Socket => 's',
            _ => '-',
        };
        for (var i = 0; i < 9; i++)
            text[i + 1] = (mode & (0x100u >> i)) != 0 ? "rwx"[i % 3] : '-';
        Special(text, 3, (mode & StatMode.SetUid) != 0, 's');
        Special(text, 6, (mode & StatMode.SetGid) != 0, 's');
        Special(text, 9, (mode & StatMode.Sticky) != 0, 't');
        return new string(text);
    }

    static void Special(Span<char> text, int at, bool set, char letter)
    {
        if (set)
            text[at] = text[at] == 'x' ? letter : char.ToUpperInvariant(letter);
    }
}
