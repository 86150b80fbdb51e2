using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A regular file as the whole of a share.</summary>
public sealed class SingleFileTests : IDisposable
{
    readonly Share _directory = new();
    readonly Share _share;

    public SingleFileTests()
    {
        File.WriteAllText(_directory.Host("file"), "content");
        File.WriteAllText(_directory.Host("neighbour"), "secret");
        _share = new Share(_directory.Host("file"), options => options);
    }

    public void Dispose()
    {
        _share.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void The_root_is_read_written_and_changed()
    {
        Assert.True(StatMode.IsRegular(_share.Attributes(Share.Root).Mode));
        Assert.Equal("content", _share.Read(Share.Root, _share.Open(Share.Root)));

        _share.Write(Share.Root, _share.Open(Share.Root, Share.RDWR), "changed");
        _share.Set(Share.Root, new SetAttributes { Valid = SetAttributesValid.Size, Size = 6 });

        Assert.Equal("change", File.ReadAllText(_directory.Host("file")));
    }

    [Fact]
    public void There_is_no_way_to_what_lies_beside_it()
    {
        Assert.Equal(Errno.ENOTDIR, _share.TryLookup("neighbour").Error);
        Assert.Equal(Errno.ENOTDIR, _share.TryCreate("new").Error);
        Assert.Equal(Errno.ENOTDIR, _share.Unlink("neighbour"));
        Assert.Equal(Errno.ENOTDIR, _share.FileSystem.OpenDirectoryAsync(_share.Request, Share.Root, 0).Now().Error);
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/dev/full")]
    public void Nothing_but_a_regular_file_is_a_share(string path) =>
        Assert.Contains(path, Assert.Throws<SystemCallException>(() => LocalFileSystem.Open(new LocalOptions { Path = path })).Message, StringComparison.Ordinal);
}
