using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Fuzz.Differential;
using VirtioFsStore.ImageMaker;
using Xunit;
using Xunit.Abstractions;

namespace VirtioFsStore.Fuzz.Tests;

/// <summary>What this host's kernel shows of mounted images is what GNU tar and umoci unpack.</summary>
public sealed class DifferentialTests(ITestOutputHelper log)
{
    const int RandomImages = 12;

    [MountTheory]
    [InlineData(false)]
    [InlineData(true)]
    public Task The_corpus_is_mounted_as_GNU_tar_and_umoci_unpack_it(bool lazily) => AssertSameAsync(ImageCorpus.All, lazily);

    [MountTheory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Random_images_are_mounted_as_GNU_tar_and_umoci_unpack_them(bool lazily) =>
        AssertSameAsync([.. Enumerable.Range(1, RandomImages).Select(RandomImage.Create)], lazily);

    async Task AssertSameAsync(IReadOnlyCollection<MadeImage> images, bool lazily)
    {
        var run = new DifferentialRun(DevCache.Umoci, lazily);

        await run.CompareAsync(images);

        log.WriteLine($"{images.Count} images, {run.UnpackedByUmoci} unpacked by umoci too, {run.Paths} paths and {run.Bytes} bytes compared");
        Assert.True(run.Differences.Count == 0, string.Join('\n', run.Differences.SelectMany(image => image.Value.Select(line => $"{image.Key}: {line}"))));
        Assert.True(run.Pieces > 0);
        Assert.Equal(lazily ? 0 : run.Pieces, run.Present.Before);
        // What an upper layer hides is not read.
        Assert.InRange(run.Present.After, lazily ? 1 : run.Pieces, run.Pieces);
    }
}
