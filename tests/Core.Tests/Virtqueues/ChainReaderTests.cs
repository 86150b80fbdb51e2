using VirtioFsStore.Core.Virtqueues;
using Xunit;
using Descriptor = VirtioFsStore.Driver.Queues.Descriptor;
using Flags = VirtioFsStore.Driver.Queues.DescriptorFlags;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>What a guest may write into descriptors, the hostile cases by name.</summary>
public sealed unsafe class ChainReaderTests : IDisposable
{
    const ushort Size = 16;
    const ulong Buffer = 0x10_0000;
    const ulong Table = 0x20_0000;

    readonly RingHarness _harness = new(Size);
    readonly EchoHandler _handler = new();
    readonly QueuedRequest _request;

    public ChainReaderTests() => _request = new QueuedRequest(_handler.CreateRequest(1), 1, null!);

    public void Dispose()
    {
        _request.Dispose();
        _harness.Dispose();
    }

    [Fact]
    public void Chain_becomes_what_is_read_and_what_is_written()
    {
        Put(3, Buffer, 40, Flags.Next, 7);
        Put(7, Buffer + 100, 60, Flags.Next, 1);
        Put(1, Buffer + 4096, 16, Flags.Next | Flags.Write, 0);
        Put(0, Buffer + 8192, 4096, Flags.Write);

        Assert.Equal(RingFault.None, Read(3));
        Assert.Equal(3, _request.Head);
        Assert.Equal(100, _request.Request.Readable.Length);
        Assert.Equal(2, _request.Request.Readable.Count);
        Assert.Equal(4112, _request.Request.Writable.Length);
        Assert.Equal(4112u, _request.WritableLength);
        Assert.True(_request.Request.Writable.Vectors[1].Base - _harness.Memory.Regions[0].Host == (nint)(Buffer + 8192));
    }

    [Fact]
    public void Descriptors_without_length_are_passed_over()
    {
        Put(0, 0xdead_0000_0000, 0, Flags.Next, 1);
        Put(1, Buffer, 40);

        Assert.Equal(RingFault.None, Read(0));
        Assert.Equal(1, _request.Request.Readable.Count);
    }

    [Fact]
    public void Buffer_over_two_adjacent_regions_is_one_range_in_two_pieces()
    {
        var boundary = RingHarness.Adjacent + RingHarness.AdjacentSize;
        Put(0, boundary - 16, 64, Flags.Write);

        Assert.Equal(RingFault.None, Read(0));
        Assert.Equal(2, _request.Request.Writable.Count);
        Assert.Equal(64, _request.Request.Writable.Length);
        Assert.Equal(16u, _request.Request.Writable.Vectors[0].Length);
    }

    [Fact]
    public void Indirect_table_over_two_adjacent_regions_is_read_whole()
    {
        var boundary = RingHarness.Adjacent + RingHarness.AdjacentSize;
        var table = boundary - 24;
        WriteTable(table, new Descriptor { Address = Buffer, Length = 40, Flags = Flags.Next, Next = 1 }, new Descriptor { Address = Buffer, Length = 50, Flags = Flags.Next | Flags.Write, Next = 2 }, new Descriptor { Address = Buffer, Length = 60, Flags = Flags.Write });
        Put(0, table, 48, Flags.Indirect);

        Assert.Equal(RingFault.None, Read(0));
        Assert.Equal(110, _request.Request.Writable.Length);
    }

    [Fact]
    public void Chain_may_end_with_an_indirect_table()
    {
        WriteTable(Table, new Descriptor { Address = Buffer, Length = 50, Flags = Flags.Write });
        Put(0, Buffer, 40, Flags.Next, 1);
        // The write flag of a descriptor that names a table means nothing (2.7.5.3.2).
        Put(1, Table, 16, Flags.Indirect | Flags.Write);

        Assert.Equal(RingFault.None, Read(0));
        Assert.Equal(40, _request.Request.Readable.Length);
        Assert.Equal(50, _request.Request.Writable.Length);
    }

    [Fact]
    public void Chain_as_long_as_the_queue_is_taken()
    {
        for (var i = 0; i < Size; i++)
            Put(i, Buffer, 1, i + 1 < Size ? Flags.Next : Flags.None, i + 1);

        Assert.Equal(RingFault.None, Read(0));
        Assert.Equal(Size, _request.Request.Readable.Count);
    }

    [Fact]
    public void Next_that_points_to_itself()
    {
        Put(0, Buffer, 40, Flags.Next, 0);
        Assert.Equal(RingFault.ChainTooLong, Read(0));
    }

    [Fact]
    public void Next_loop_over_two_descriptors()
    {
        Put(0, Buffer, 40, Flags.Next, 1);
        Put(1, Buffer, 40, Flags.Next, 0);
        Assert.Equal(RingFault.ChainTooLong, Read(0));
    }

    [Theory]
    [InlineData(Size)]
    [InlineData(ushort.MaxValue)]
    public void Next_past_the_table(int next)
    {
        Put(0, Buffer, 40, Flags.Next, next);
        Assert.Equal(RingFault.NextIndex, Read(0));
    }

    [Fact]
    public void Next_past_the_indirect_table()
    {
        WriteTable(Table, new Descriptor { Address = Buffer, Length = 1, Flags = Flags.Next, Next = 2 }, new Descriptor { Address = Buffer, Length = 1 });
        Put(0, Table, 32, Flags.Indirect);
        Assert.Equal(RingFault.NextIndex, Read(0));
    }

    [Fact]
    public void Loop_in_an_indirect_table()
    {
        WriteTable(Table, new Descriptor { Address = Buffer, Length = 1, Flags = Flags.Next, Next = 0 });
        Put(0, Table, 16, Flags.Indirect);
        Assert.Equal(RingFault.ChainTooLong, Read(0));
    }

    [Fact]
    public void Indirect_inside_indirect()
    {
        WriteTable(Table, new Descriptor { Address = Table, Length = 16, Flags = Flags.Indirect });
        Put(0, Table, 16, Flags.Indirect);
        Assert.Equal(RingFault.NestedIndirect, Read(0));
    }

    [Fact]
    public void Indirect_with_a_next()
    {
        Put(0, Table, 16, Flags.Indirect | Flags.Next, 1);
        Assert.Equal(RingFault.IndirectWithNext, Read(0));
    }

    [Fact]
    public void Indirect_that_was_not_negotiated()
    {
        Put(0, Table, 16, Flags.Indirect);
        Assert.Equal(RingFault.IndirectNotNegotiated, Read(0, indirectAllowed: false));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(uint.MaxValue)]
    public void Indirect_length_that_is_no_number_of_descriptors(uint length)
    {
        Put(0, Table, length, Flags.Indirect);
        Assert.Equal(RingFault.IndirectLength, Read(0));
    }

    [Theory]
    [InlineData((Size + 1) * 16)]
    [InlineData(0xffff_fff0)]
    public void Indirect_table_longer_than_the_queue(uint length)
    {
        Put(0, Table, length, Flags.Indirect);
        Assert.Equal(RingFault.ChainTooLong, Read(0));
    }

    [Theory]
    [InlineData(RingHarness.LowSize)]
    [InlineData(RingHarness.LowSize - 8)]
    [InlineData(RingHarness.End - 8)]
    public void Indirect_table_outside_of_memory(ulong address)
    {
        Put(0, address, 16, Flags.Indirect);
        Assert.Equal(RingFault.OutsideMemory, Read(0));
    }

    [Fact]
    public void Indirect_table_whose_address_wraps()
    {
        Put(0, ulong.MaxValue - 7, 16, Flags.Indirect);
        Assert.Equal(RingFault.AddressWraps, Read(0));
    }

    [Theory]
    [InlineData(ulong.MaxValue, 1u)]
    [InlineData(ulong.MaxValue - 4095, 8192u)]
    public void Address_and_length_that_wrap(ulong address, uint length)
    {
        Put(0, address, length);
        Assert.Equal(RingFault.AddressWraps, Read(0));
    }

    [Theory]
    [InlineData(RingHarness.LowSize, 1u)]
    [InlineData(RingHarness.LowSize - 1, 2u)]
    [InlineData(RingHarness.Adjacent - 1, 2u)]
    [InlineData(RingHarness.End - 1, 2u)]
    [InlineData(0UL, (uint)RingHarness.LowSize + 1)]
    public void Buffer_that_reaches_into_a_gap(ulong address, uint length)
    {
        Put(0, address, length, Flags.Write);
        Assert.Equal(RingFault.OutsideMemory, Read(0));
    }

    [Fact]
    public void Readable_descriptor_after_a_writable_one()
    {
        Put(0, Buffer, 40, Flags.Write | Flags.Next, 1);
        Put(1, Buffer, 40);
        Assert.Equal(RingFault.ReadableAfterWritable, Read(0));
    }

    [Fact]
    public void Readable_descriptor_after_a_writable_one_of_no_length()
    {
        Put(0, Buffer, 0, Flags.Write | Flags.Next, 1);
        Put(1, Buffer, 40);
        Assert.Equal(RingFault.ReadableAfterWritable, Read(0));
    }

    [Fact]
    public void Chain_of_four_gigabytes()
    {
        using var harness = new RingHarness(1024, indirect: false);
        using var chains = new ChainReader(1024, indirectAllowed: true);
        // The same 8 MiB again and again: 512 of them are 4 GiB.
        for (var i = 0; i < 513; i++)
            harness.Queue.WriteDescriptor(i, new Descriptor { Address = 0, Length = (uint)RingHarness.LowSize, Flags = Flags.Next, Next = (ushort)(i + 1) });

        Assert.Equal(RingFault.TooLarge, chains.Read(harness.Memory, harness.Ring, 0, _request));
    }

    RingFault Read(ushort head, bool indirectAllowed = true)
    {
        using var chains = new ChainReader(Size, indirectAllowed);
        return chains.Read(_harness.Memory, _harness.Ring, head, _request);
    }

    void Put(int index, ulong address, uint length, Flags flags = Flags.None, int next = 0) =>
        _harness.Queue.WriteDescriptor(index, new Descriptor { Address = address, Length = length, Flags = flags, Next = (ushort)next });

    void WriteTable(ulong address, params Descriptor[] descriptors)
    {
        foreach (var descriptor in descriptors)
        {
            // Byte by byte: a table may lie over two regions.
            var copy = descriptor;
            for (var i = 0; i < sizeof(Descriptor); i++)
                _harness.Guest.Write(address++, ((byte*)&copy)[i]);
        }
    }
}
