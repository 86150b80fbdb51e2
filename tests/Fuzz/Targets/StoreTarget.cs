using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Fuzz.Images;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>
/// A store whose files were overwritten: tree, layer index, digests, state and data. An image of it is refused in one line, built anew, or
/// served with errors and wrong bytes; also when its tree and state change while it is served.
/// </summary>
public sealed class StoreTarget : FuzzTarget
{
    readonly FuzzImage _image = new(FuzzImage.Sample);
    readonly List<string> _files;

    public StoreTarget()
    {
        _image.Open().DisposeAsync().AsTask().GetAwaiter().GetResult();
        _files = [.. Directory.EnumerateFiles(_image.StorePath, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(_image.StorePath, path)).Order(StringComparer.Ordinal)];
    }

    public override string Name => "store";

    public override string Description => "trees, layer indexes and state files with damaged bytes";

    public override int ShortRun => 60;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        using var folder = Scratch.Create();
        var store = Path.Combine(folder.Path, "store");
        foreach (var file in _files)
        {
            var to = Path.Combine(store, file);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(_image.StorePath, file), to);
        }
        var tree = Path.Combine(store, _files.Single(file => file.Contains("trees-v", StringComparison.Ordinal)));
        if (random.Next(3) == 0)
            File.Delete(tree);
        for (var i = random.Next(3); i > 0; i--)
            Overwrite(random, Path.Combine(store, _files[random.Next(_files.Count)]));
        try
        {
            var system = _image.Open(store);
            using var exerciser = new Exerciser();
            exerciser.Run(system);
            // Whoever has a file open keeps it when it is replaced: these are the files that are mapped.
            Overwrite(random, tree);
            foreach (var state in _files.Where(file => file.EndsWith("/state", StringComparison.Ordinal)))
                Overwrite(random, Path.Combine(store, state));
            exerciser.Run(system);
            system.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        catch (ImageException refused)
        {
            Require(!refused.Message.Contains('\n'), $"a refusal is not one line: {refused.Message}");
        }
    }

    protected override void Dispose(bool disposing)
    {
        _image.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Bytes in place: who can cut a file short owns the host.</summary>
    static void Overwrite(Random random, string path)
    {
        if (!File.Exists(path))
            return;
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        if (file.Length == 0)
            return;
        var bytes = new byte[Math.Min(file.Length, 1 << 16)];
        file.Position = random.NextInt64(file.Length - bytes.Length + 1);
        var start = file.Position;
        file.ReadExactly(bytes);
        Damage.Overwrite(random, bytes);
        file.Position = start;
        file.Write(bytes);
    }
}
