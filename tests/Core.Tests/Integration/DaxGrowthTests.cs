using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Fuse.Wire;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Operations that take their time, and make a file grow that was mapped meanwhile.</summary>
public sealed class DaxGrowthTests : IDisposable
{
    const ulong Range = DaxSetup.Range;
    const ulong Page = DaxSetup.Page;

    readonly DaxSetup _dax = new(likeQemu: true);
    readonly ulong _node;
    readonly ulong _handle;

    public DaxGrowthTests()
    {
        _dax.Files.MapsGrowth = true;
        _dax.Files.AddFile("pages", new byte[2 * (int)Page]);
        _node = _dax.Fuse.Walk("pages").NodeId;
        _handle = _dax.Fuse.Open(_node, OpenFlags.O_RDWR).Value.Fh;
    }

    public void Dispose() => _dax.Dispose();

    /// <summary>Makes the file one page longer.</summary>
    FuseRequest Begin(MemoryOperation operation)
    {
        var fuse = _dax.Fuse;
        return operation switch
        {
            MemoryOperation.Write => fuse.BeginFor<FuseWriteOut>(FuseOpcode.Write, _node)
                .Append(new FuseWriteIn { Fh = _handle, Offset = 2 * Page, Size = (uint)Page }).AppendBytes(new byte[(int)Page]),
            MemoryOperation.Allocate => fuse.Begin(FuseOpcode.Fallocate, _node).Append(new FuseFallocateIn { Fh = _handle, Offset = 2 * Page, Length = Page }),
            MemoryOperation.SetAttributes => fuse.BeginFor<FuseAttrOut>(FuseOpcode.SetAttr, _node).Append(new FuseSetAttrIn { Valid = 1 << 3, Size = 3 * Page }),
            _ => fuse.BeginFor<FuseWriteOut>(FuseOpcode.CopyFileRange, _node)
                .Append(new FuseCopyFileRangeIn { FhIn = _handle, NodeIdOut = _node, FhOut = _handle, OffsetOut = 2 * Page, Length = Page }),
        };
    }

    [Theory]
    [InlineData(MemoryOperation.Write)]
    [InlineData(MemoryOperation.Allocate)]
    [InlineData(MemoryOperation.SetAttributes)]
    [InlineData(MemoryOperation.CopyRange)]
    public void What_a_slow_operation_makes_a_file_grow_by_is_mapped_where_the_file_was_mapped_meanwhile(MemoryOperation operation)
    {
        using var gate = _dax.Files.Hold(operation);
        var grows = _dax.Post(Begin(operation));
        gate.WaitForArrivals();
        Assert.Equal(0, _dax.Fuse.SetupMapping(_node, 0, Range, 0, writable: true));
        Assert.Equal(2 * Page, Assert.Single(_dax.Window.Mappings).Length);

        gate.Open();

        Assert.Equal(0, _dax.Finish(grows));
        Assert.Equal([(0UL, 2 * Page), (2 * Page, Page)], _dax.Window.Mappings.Select(mapping => (mapping.Offset, mapping.Length)));
    }

    [Theory]
    [InlineData(MemoryOperation.Write)]
    [InlineData(MemoryOperation.CopyRange)]
    public void What_it_could_not_have_mapped_is_an_error(MemoryOperation operation)
    {
        using var gate = _dax.Files.Hold(operation);
        var grows = _dax.Post(Begin(operation));
        gate.WaitForArrivals();
        Assert.Equal(0, _dax.Fuse.SetupMapping(_node, 0, Range, 0, writable: true));
        _dax.Window.OnRequest = _ => WindowAnswer.Refuse;

        gate.Open();

        Assert.Equal((int)Errno.EIO, _dax.Finish(grows));
        Assert.Equal(2 * Page, _dax.Fuse.GetAttr(_node).Value.Attr.Size);
    }
}
