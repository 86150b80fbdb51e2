using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Fuzz.Differential;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>Random images, mounted on this host and compared with GNU tar's and umoci's idea of them; with odd seeds nothing of them is in the store at
/// first but their indexes.</summary>
public sealed class DifferentialTarget : FuzzTarget
{
    const int ImagesPerRun = 4;

    public override string Name => "differential";

    public override string Description => "random images mounted through /dev/fuse and compared with GNU tar and umoci; as root";

    public override int ShortRun => 1;

    public override void Run(int seed)
    {
        var run = new DifferentialRun(umoci: Path.Exists(DevCache.Umoci) ? DevCache.Umoci : null, lazily: seed % 2 != 0);
        run.CompareAsync([.. Enumerable.Range(0, ImagesPerRun).Select(i => RandomImage.Create(unchecked((seed * ImagesPerRun) + i)))]).GetAwaiter().GetResult();
        Require(run.Differences.Count == 0, string.Join('\n', run.Differences.SelectMany(image => image.Value.Select(line => $"{image.Key}: {line}"))));
    }
}
