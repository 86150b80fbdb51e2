using VirtioFsStore.Backends.ObjectStore.Sources;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources;

public sealed class DirectoryFolderTests : IDisposable
{
    readonly string _path = Directory.CreateTempSubdirectory("vfs-folder").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_crash_left_goes_with_the_next_change_and_what_somebody_writes_stays(bool puts)
    {
        var left = Path.Combine(_path, ".incoming-left");
        await File.WriteAllTextAsync(left, "half");
        var content = new HeldStream();
        await using var other = new DirectoryFolder(_path);
        var writing = other.PutAsync("blobs/other", content, HeldStream.Size, null, default).AsTask();
        await content.IsRead;
        // It is left by somebody who was killed after that one began.
        await File.WriteAllTextAsync(left, "half");

        await using var folder = new DirectoryFolder(_path);
        if (puts)
        {
            using var bytes = new MemoryStream([1, 2, 3]);
            await folder.PutAsync("blobs/one", bytes, bytes.Length, null, default);
        }
        else
        {
            await folder.UpdateAsync("index.json", 100, _ => null, default);
        }

        Assert.False(File.Exists(left));
        content.Release();
        await writing;
        Assert.Equal(HeldStream.Size, new FileInfo(Path.Combine(_path, "blobs/other")).Length);
        Assert.Empty(Directory.GetFiles(_path, ".incoming-*"));
    }

    [Fact]
    public async Task A_directory_that_is_not_there_comes_about()
    {
        await using var folder = new DirectoryFolder(Path.Combine(_path, "a/b"));
        using var bytes = new MemoryStream([1, 2, 3]);
        await folder.PutAsync("blobs/one", bytes, bytes.Length, null, default);
        Assert.Equal(3, await folder.FindAsync("blobs/one", default));
    }
}
