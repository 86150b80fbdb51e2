using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>Runs the check on an image with a store of its own.</summary>
static class CheckedImage
{
    /// <param name="layout">Its place.</param>
    /// <param name="tag">Its name there.</param>
    /// <param name="umoci">The program, or null.</param>
    /// <param name="tamper">Done between a first use of the image and its check.</param>
    /// <param name="asBucket">Whether the place is said to be a bucket, so that nothing can be found by its path.</param>
    public static async Task<(int Count, string Output)> RunAsync(
        string layout, string tag = "latest", string? umoci = null, Action<StoreDirectory, OpenedImage>? tamper = null, bool asBucket = false)
    {
        var folder = Directory.CreateTempSubdirectory("vfs-check").FullName;
        try
        {
            var store = StoreDirectory.Open(Path.Combine(folder, "store"));
            await using var keeper = new LocalKeeper(store, asBucket ? _ => new LayoutImageSource(layout) : null);
            var reference = ImageReference.Parse(asBucket ? $"s3://images/checked:{tag}" : $"oci:{layout}:{tag}");
            if (tamper is not null)
            {
                var opened = await new ImageProvider(keeper).OpenAsync(new ImageRequest(reference, Platform.Current), null, default);
                await using (opened.FileSystem)
                    tamper(store, opened);
            }

            using var output = new StringWriter();
            var count = await new ImageCheck(keeper, new ImageCheckOptions { Umoci = umoci, TemporaryFolder = folder }, output)
                .RunAsync(new ImageRequest(reference, Platform.Current), null, default);
            Xunit.Assert.Equal(["store"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName));
            return (count, output.ToString());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
