using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

/// <summary>Runs the check on an image with a store of its own.</summary>
static class CheckedImage
{
    public static async Task<(int Count, string Output)> RunAsync(string layout, string tag = "latest", string? umoci = null, Action<StoreDirectory, OpenedImage>? tamper = null)
    {
        var folder = Directory.CreateTempSubdirectory("vfs-check").FullName;
        try
        {
            var store = StoreDirectory.Open(Path.Combine(folder, "store"));
            await using var keeper = new LocalKeeper(store);
            var provider = new ImageProvider(keeper);
            var reference = ImageReference.Parse($"oci:{layout}:{tag}");
            if (tamper is not null)
            {
                var opened = await provider.OpenAsync(new ImageRequest(reference, Platform.Current), null, default);
                await using (opened.FileSystem)
                    tamper(store, opened);
            }

            using var output = new StringWriter();
            var count = await new ImageCheck(provider, new ImageCheckOptions { Umoci = umoci, TemporaryFolder = folder }, output)
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
