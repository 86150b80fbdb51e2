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

    [MountFact]
    public Task The_corpus_is_mounted_as_GNU_tar_and_umoci_unpack_it() => AssertSameAsync(ImageCorpus.All);

    [MountFact]
    public Task Random_images_are_mounted_as_GNU_tar_and_umoci_unpack_them() => AssertSameAsync([.. Enumerable.Range(1, RandomImages).Select(RandomImage.Create)]);

    async Task AssertSameAsync(IReadOnlyCollection<MadeImage> images)
    {
        var run = new DifferentialRun(DevCache.Umoci);

        await run.CompareAsync(images);

        log.WriteLine($"{images.Count} images, {run.UnpackedByUmoci} unpacked by umoci too, {run.Paths} paths and {run.Bytes} bytes compared");
        Assert.True(run.Differences.Count == 0, string.Join('\n', run.Differences.SelectMany(image => image.Value.Select(line => $"{image.Key}: {line}"))));
    }
}
