using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Tests.Oci;
using VirtioFsStore.Backends.Overlay.Tests.Tar;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

public sealed class ImageReportTests : IDisposable
{
    readonly LayoutWriter _layout = new();
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-report").FullName;

    public void Dispose()
    {
        _layout.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    async Task<string> ReportAsync(Func<OpenedImage, StoreDirectory, TextWriter, Task> report)
    {
        _layout.Image("v1", new TarWriter().Directory("d/").Header("d/f", '0', 0, mode: 0x9ed, uid: 7, mtime: 86400).Symlink("d/s", "f").Header("d/sub/c", '3', major: 1, minor: 3).ToArray());
        var store = StoreDirectory.Open(_folder);
        await using var keeper = new LocalKeeper(store);
        var opened = await new ImageProvider(keeper).OpenAsync(ImageReference.Parse($"oci:{_layout.Path}:v1"), Platform.Current, null, default);
        await using var files = opened.FileSystem;
        using var output = new StringWriter();
        await report(opened, store, output);
        return output.ToString();
    }

    [Theory]
    [InlineData("/d", false, new[] { "-rwsr-xr-x   1     7     0           0 1970-01-02 00:00:00 /d/f", "lrwxrwxrwx   1     0     0           1 1970-01-01 00:00:00 /d/s -> f", "drwxr-xr-x   2     0     0        4096 1970-01-01 00:00:00 /d/sub" })]
    [InlineData("d/sub/", true, new[] { "crw-r--r--   1     0     0         1,3 1970-01-01 00:00:00 /d/sub/c" })]
    [InlineData("d/s", true, new[] { "lrwxrwxrwx   1     0     0           1 1970-01-01 00:00:00 /d/s -> f" })]
    [InlineData("", false, new[] { "drwxr-xr-x   3     0     0        4096 1970-01-01 00:00:00 /d" })]
    public async Task Files_are_listed_as_ls_does(string path, bool recursive, string[] expected) =>
        Assert.Equal(expected, (await ReportAsync((opened, _, output) => ImageReport.ListAsync(opened, path, recursive, output, default))).TrimEnd().Split('\n'));

    [Fact]
    public async Task A_path_that_is_not_there_is_an_error_with_its_name()
    {
        var error = await Assert.ThrowsAsync<ImageException>(
            () => ReportAsync((opened, _, output) => ImageReport.ListAsync(opened, "/none", false, output, default)));
        Assert.Contains("/none", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspection_tells_of_configuration_layers_and_tree()
    {
        var text = await ReportAsync((opened, store, output) => ImageReport.InspectAsync(opened, store, output, default));
        Assert.Contains("command:      /bin/sh\n", text, StringComparison.Ordinal);
        Assert.Contains("layer 1:      sha256:", text, StringComparison.Ordinal);
        Assert.Contains("  index:      4 entries, 0 pieces, 1 spans\n", text, StringComparison.Ordinal);
        Assert.Contains("files:        6 inodes, 1 bytes, 0 allocated\n", text, StringComparison.Ordinal);
    }
}
