using System.Text;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>Both ways from an O_PATH descriptor to extended attributes: this kernel's, and the one for kernels before 6.13.</summary>
public sealed unsafe class InodeXattrsTests : IDisposable
{
    readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_attribute_is_set_read_listed_and_removed_by_an_O_PATH_descriptor(bool needsPath)
    {
        using var descriptors = new FileDescriptor(Descriptors.Open("/proc/self/fd", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY));
        using var file = new FileDescriptor(Descriptors.Open(_file, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW));
        var xattrs = new InodeXattrs(descriptors.Value, needsPath, chrooted: false);
        var buffer = stackalloc byte[64];

        fixed (byte* name = "user.a\0"u8, value = "1234"u8)
        {
            Assert.Equal(0, xattrs.Set(file.Value, name, value, 4, 0));
            Assert.Equal(Errno.EEXIST, ((nint)xattrs.Set(file.Value, name, value, 4, ExtendedAttributes.XATTR_CREATE)).ToErrno());
            Assert.Equal(4, xattrs.Get(file.Value, name, null, 0));
            Assert.Equal(Errno.ERANGE, xattrs.Get(file.Value, name, buffer, 3).ToErrno());
            Assert.Equal(4, xattrs.Get(file.Value, name, buffer, 64));
            Assert.Equal("1234", Encoding.ASCII.GetString(buffer, 4));
            var length = xattrs.List(file.Value, buffer, 64);
            Assert.Contains("user.a\0", Encoding.ASCII.GetString(buffer, (int)length), StringComparison.Ordinal);
            Assert.Equal(0, xattrs.Remove(file.Value, name));
            Assert.Equal(Errno.ENODATA, xattrs.Get(file.Value, name, buffer, 64).ToErrno());
        }
    }
}
