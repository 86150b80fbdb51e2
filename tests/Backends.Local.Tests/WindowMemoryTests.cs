using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>
/// Requests whose buffers are mapped files (O_DIRECT in the guest): the VMM tells of each mapping as of memory. A file that the host cuts short
/// under it must not end the server, which is this process here.
/// </summary>
public sealed class WindowMemoryTests : IDisposable
{
    const ulong Range = 2 << 20;
    const ulong Address = 1UL << 40;
    const int Length = 8192;

    readonly TemporaryDirectory _directory = new();
    readonly byte[] _content = new byte[Length];
    readonly ServerHost _host;
    readonly VirtualMachine _machine;
    readonly GuestRegion _region;

    public WindowMemoryTests()
    {
        new Random(1).NextBytes(_content);
        File.WriteAllBytes(_directory["source"], _content);
        File.WriteAllBytes(_directory["mapped"], new byte[Length]);
        _host = new ServerHost(LocalFileSystem.Open(new LocalOptions { Path = _directory.Path }), new ServerHostOptions { Tag = "t", DaxWindow = 8 * Range });
        _machine = _host.Mount(new VirtualMachineOptions { Profile = VmmProfile.QemuGenericDevice });
        Assert.Equal(0, Fuse.SetupMapping(Fuse.Walk("mapped").NodeId, 0, Range, 0, writable: true));
        // The file's part and what it may grow into, as one region: it ends behind the file.
        _region = _machine.Memory.AddFile(_directory["mapped"], new MemoryLayout(Address, Range));
        _machine.Frontend.AddMemoryRegion(_region, acknowledge: true);
    }

    FuseClient Fuse => _machine.Fuse;

    public void Dispose()
    {
        Assert.Equal(_content, Fuse.ReadFile("source"));
        _machine.Dispose();
        _host.Dispose();
        _directory.Dispose();
    }

    void CutShort()
    {
        using var file = File.OpenHandle(_directory["mapped"], access: FileAccess.Write);
        RandomAccess.SetLength(file, 0);
    }

    /// <summary>A READ of the source. Its errno, or 0.</summary>
    int Read(Func<FuseRequest, GuestSegment[]> readable, Func<FuseRequest, GuestSegment[]> writable)
    {
        var node = Fuse.Walk("source").NodeId;
        var request = Fuse.BeginRead(node, Fuse.Open(node).Value.Fh, 0, Length);
        Fuse.Requests.PostAt(request, readable(request), writable(request));
        Fuse.Requests.Notify();
        Fuse.Requests.WaitFor(request);
        return request.ReplyLength == 0 ? -1 : request.Error;
    }

    static GuestSegment[] Own(FuseRequest request) => [new GuestSegment(request.RequestAddress, (uint)request.RequestLength)];

    static GuestSegment[] Reply(FuseRequest request) => [new GuestSegment(request.ReplyAddress, FuseRequest.ReplyHeaderSize), new GuestSegment(Address, Length)];

    [Fact]
    public void Data_is_read_into_a_mapped_file()
    {
        Assert.Equal(0, Read(Own, Reply));

        Assert.Equal(_content, File.ReadAllBytes(_directory["mapped"]));
    }

    [Fact]
    public void Data_for_a_file_that_was_cut_short_is_an_error_of_that_request()
    {
        CutShort();

        Assert.Equal((int)Errno.EFAULT, Read(Own, Reply));
    }

    [Fact]
    public void A_request_that_lies_in_a_mapped_file_is_not_looked_at()
    {
        CutShort();

        Assert.Equal((int)Errno.EFAULT, Read(_ => [new GuestSegment(Address, 80)], Reply));
        Assert.Equal((int)Errno.EFAULT, Read(request => [new GuestSegment(request.RequestAddress, 40), new GuestSegment(Address, 40)], Reply));
    }

    [Fact]
    public void A_reply_that_would_lie_in_a_mapped_file_is_not_written()
    {
        CutShort();

        Assert.Equal(-1, Read(Own, _ => [new GuestSegment(Address, Length)]));
    }

    [Fact]
    public void Memory_that_ends_behind_its_file_is_refused_where_it_is_no_mapping()
    {
        var other = _machine.Memory.AddFile(_directory["source"], new MemoryLayout(2 * Address, Range));

        Assert.Throws<Driver.VhostUser.VhostUserProtocolException>(() => _machine.Frontend.AddMemoryRegion(other, acknowledge: true));
    }
}
