using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Fuzz.Differential;

/// <summary>
/// Mounts images on this host and compares every attribute, xattr, link and byte that its kernel shows with what GNU tar and umoci
/// unpack. Needs root, /dev/fuse and GNU tar.
/// </summary>
/// <param name="umoci">The program; null to leave it out.</param>
/// <param name="lazily">Whether the images are served by their indexes, their content being fetched as it is compared.</param>
public sealed class DifferentialRun(string? umoci, bool lazily)
{
    /// <summary>Types that umoci does not know: global PAX headers, and sparse files in GNU's old format.</summary>
    static readonly string[] s_umociRefuses = [@"unknown typeflag '\x67'", @"unknown typeflag '\x53'"];

    readonly Dictionary<string, List<string>> _differences = [];

    /// <summary>Paths that were compared, with both references.</summary>
    public int Paths { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Images that umoci has unpacked.</summary>
    public int UnpackedByUmoci { get; private set; }

    /// <summary>Pieces of layers that were in the store before anything was read, and after all of it was.</summary>
    public (long Before, long After) Present { get; private set; }

    /// <summary>Of the layers, the largest number that can be present.</summary>
    public long Pieces { get; private set; }

    /// <summary>Differences by the image's name; an image without any is not in it.</summary>
    public IReadOnlyDictionary<string, List<string>> Differences => _differences;

    public async Task CompareAsync(IReadOnlyCollection<MadeImage> images)
    {
        using var layout = new LayoutWriter();
        foreach (var image in images)
            image.AddTo(layout);
        using var mounted = new MountedImages(layout.Path, [.. images.Select(image => image.Name)], lazily);
        var before = mounted.CountPieces().Present;
        foreach (var image in images)
        {
            await AgainstTarAsync(image, mounted);
            if (umoci is not null)
                await AgainstUmociAsync(image, mounted, layout);
        }

        (var after, Pieces) = mounted.CountPieces();
        Present = (before, after);
    }

    async Task AgainstTarAsync(MadeImage image, MountedImages mounted)
    {
        using var work = new WorkFolder(Path.GetTempPath());
        var opened = mounted.Opened[image.Name].Image;
        await using var source = new LayoutImageSource(opened.Reference.Path);
        using var reference = await ReferenceUnpacker.UnpackAsync(work.Path, opened, source, line => Tell(image.Name, line), default);
        await CompareAsync(image.Name, mounted, reference, "GNU tar", new ComparisonRules());
    }

    async Task AgainstUmociAsync(MadeImage image, MountedImages mounted, LayoutWriter layout)
    {
        using var work = new WorkFolder(Path.GetTempPath());
        var bundle = Path.Combine(work.Path, "bundle");
        var outcome = await ExternalTool.RunAsync(umoci!, ["unpack", "--image", $"{layout.Path}:{image.Name}", bundle], work.Path, default);
        if (outcome.ExitCode != 0)
        {
            if (s_umociRefuses.Any(outcome.Errors.Contains))
                return;
            Tell(image.Name, $"umoci cannot unpack it: {outcome.Errors.Trim()}");
            return;
        }
        UnpackedByUmoci++;
        using var reference = new HostFolder(Path.Combine(bundle, "rootfs"));
        await CompareAsync(image.Name, mounted, reference, "umoci", ImageCheck.UmociRules);
    }

    async Task CompareAsync(string name, MountedImages mounted, HostFolder reference, string program, ComparisonRules rules)
    {
        using var folder = mounted.Open(name);
        var comparison = new TreeComparison(new HostTree(folder, "mount"), new HostTree(reference, program), rules, line => Tell(name, line));
        await comparison.RunAsync(default);
        Paths += comparison.Paths;
        Bytes += comparison.Bytes;
    }

    void Tell(string name, string line)
    {
        if (!_differences.TryGetValue(name, out var lines))
            _differences[name] = lines = [];
        lines.Add(line);
    }
}
