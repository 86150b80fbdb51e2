using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Tests.Merge;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

/// <summary>What an image does with data files that it is lent: all of them, or none.</summary>
public sealed class LendingTests : IDisposable
{
    readonly TestImage _image = new(
        new TestLayer().File("lower", "in the lower layer"), new TestLayer().File("upper", "in the upper layer"));

    readonly List<FileDescriptor> _lent = [];

    public void Dispose() => _image.Dispose();

    LentData Lend(int layer)
    {
        var file = new FileDescriptor(Descriptors.Open($"/proc/self/fd/{_image.Contents[layer].Descriptor}", OpenFlags.O_RDWR));
        _lent.Add(file);
        return new LentData(Errno.None, file);
    }

    Errno LendAll() => TestImage.Now(_image.FileSystem.LendAsync(default));

    Reply<MappedExtent> Map(string path) =>
        TestImage.Now(_image.FileSystem.MapAsync(_image.Request, _image.NodeAt(path), 0, 4096, MapAccess.Read, asWritable: true));

    [Fact]
    public async Task What_is_mapped_is_what_was_lent()
    {
        _image.Contents[0].OnLend = () => Lend(0);
        _image.Contents[1].OnLend = () => Lend(1);
        Assert.Equal(Errno.ENXIO, Map("lower").Error);

        Assert.Equal(Errno.None, LendAll());
        Assert.Equal(Errno.None, LendAll());

        Assert.Equal(2, _lent.Count);
        Assert.Equal(_lent[0].Value, Map("lower").Value.Descriptor);
        Assert.Equal(_lent[1].Value, Map("upper").Value.Descriptor);
        Assert.False(Map("upper").Value.IsWritable);
        await _image.FileSystem.DisposeAsync();
        Assert.All(_lent, file => Assert.Equal(-1, file.Value));
    }

    [Fact]
    public void Where_one_layer_cannot_be_lent_the_others_are_given_back()
    {
        _image.Contents[0].OnLend = () => Lend(0);
        _image.Contents[1].OnLend = () => new LentData(Errno.ENODATA, null);

        Assert.Equal(Errno.ENODATA, LendAll());

        Assert.Equal(-1, Assert.Single(_lent).Value);
        Assert.Equal(Errno.ENXIO, Map("lower").Error);
    }

    [Fact]
    public void Another_file_than_the_one_that_is_served_is_not_taken()
    {
        _image.Contents[0].OnLend = () => Lend(1);
        _image.Contents[1].OnLend = () => Lend(1);

        Assert.Equal(Errno.EIO, LendAll());

        Assert.Equal(-1, Assert.Single(_lent).Value);
    }
}
