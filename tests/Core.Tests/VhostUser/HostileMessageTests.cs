using System.Runtime.InteropServices;
using VirtioFsStore.Core.Tests.Memory;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

/// <summary>Messages that no VMM sends. Each ends the connection or is answered with an error; the server serves the next machine.</summary>
public sealed class HostileMessageTests : IDisposable
{
    const uint Version = 1;
    const uint NeedReply = 8;
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    readonly EchoServer _server = new();

    public void Dispose() => _server.Dispose();

    /// <summary>Sizes of the bodies by request, from the specification.</summary>
    public static TheoryData<VhostUserRequest, int> FixedBodies => new()
    {
        { VhostUserRequest.GetFeatures, 0 },
        { VhostUserRequest.SetFeatures, 8 },
        { VhostUserRequest.SetOwner, 0 },
        { VhostUserRequest.SetMemTable, 8 },
        { VhostUserRequest.SetLogBase, 16 },
        { VhostUserRequest.SetVringNum, 8 },
        { VhostUserRequest.SetVringAddr, 40 },
        { VhostUserRequest.SetVringBase, 8 },
        { VhostUserRequest.GetVringBase, 8 },
        { VhostUserRequest.SetVringKick, 8 },
        { VhostUserRequest.SetVringCall, 8 },
        { VhostUserRequest.SetVringErr, 8 },
        { VhostUserRequest.GetProtocolFeatures, 0 },
        { VhostUserRequest.SetProtocolFeatures, 8 },
        { VhostUserRequest.GetQueueNum, 0 },
        { VhostUserRequest.SetVringEnable, 8 },
        { VhostUserRequest.SetBackendReqFd, 0 },
        { VhostUserRequest.GetConfig, 12 },
        { VhostUserRequest.SetConfig, 12 },
        { VhostUserRequest.GetInflightFd, 20 },
        { VhostUserRequest.SetInflightFd, 20 },
        { VhostUserRequest.ResetDevice, 0 },
        { VhostUserRequest.GetMaxMemSlots, 0 },
        { VhostUserRequest.AddMemReg, 40 },
        { VhostUserRequest.RemMemReg, 40 },
    };

    [Theory]
    [MemberData(nameof(FixedBodies))]
    public void Body_one_byte_longer_ends_the_connection(VhostUserRequest request, int size) => AssertCloses(Send(request, size + 1));

    [Theory]
    [MemberData(nameof(FixedBodies))]
    public void Body_one_byte_shorter_ends_the_connection(VhostUserRequest request, int size)
    {
        if (size > 0)
            AssertCloses(Send(request, size - 1));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(19u)]
    [InlineData(42u)]
    [InlineData(1000u)]
    [InlineData(uint.MaxValue)]
    public void Unknown_request_is_answered_with_an_error(uint request)
    {
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck((VhostUserRequest)request, [1, 2, 3]));
        Assert.NotEqual(0ul, frontend.GetQueueCount());
    }

    [Fact]
    public void Unknown_request_that_wants_no_answer_ends_the_connection() => AssertCloses(Send((VhostUserRequest)1000, 0));

    [Theory]
    [InlineData(VhostUserRequest.SetVringNum)]
    [InlineData(VhostUserRequest.SetVringBase)]
    [InlineData(VhostUserRequest.GetVringBase)]
    [InlineData(VhostUserRequest.SetVringEnable)]
    public void Queue_that_is_not_there_ends_the_connection(VhostUserRequest request)
    {
        foreach (var index in new[] { 4u, 255u, uint.MaxValue })
        {
            var frontend = _server.Connect();
            frontend.Socket.Send((uint)request, Version, Bytes(((ulong)1 << 32) | index));
            AssertCloses(frontend);
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(65536u)]
    [InlineData(uint.MaxValue)]
    public void Ring_size_that_cannot_be_is_refused(uint size)
    {
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetVringNum, Bytes((ulong)size << 32)));
    }

    [Fact]
    public void Kick_without_a_descriptor_is_refused_because_nothing_is_polled()
    {
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetVringKick, Bytes(VhostUserFrontend.NoDescriptorFlag)));
    }

    [Theory]
    [InlineData(0ul, 0)]
    [InlineData(0ul, 2)]
    [InlineData(VhostUserFrontend.NoDescriptorFlag, 1)]
    [InlineData(0x200ul, 1)]
    public void Vring_descriptors_that_do_not_fit_their_flag_end_the_connection_and_are_closed(ulong value, int count)
    {
        foreach (var request in new[] { VhostUserRequest.SetVringKick, VhostUserRequest.SetVringCall, VhostUserRequest.SetVringErr })
        {
            using var descriptors = new DescriptorSet(count);
            var frontend = _server.Connect();
            SendAndClose(frontend, request, Bytes(value), descriptors);
            AssertCloses(frontend);
            Assert.True(descriptors.WaitAllClosed(s_patience));
        }
    }

    [Fact]
    public void Descriptors_where_none_belong_are_closed()
    {
        using var descriptors = new DescriptorSet(3);
        using var frontend = _server.Connect();
        SendAndClose(frontend, VhostUserRequest.SetFeatures, Bytes(0), descriptors);

        _ = frontend.GetFeatures();

        Assert.True(descriptors.WaitAllClosed(s_patience));
    }

    [Theory]
    [InlineData(33u)]
    [InlineData(uint.MaxValue)]
    [InlineData(0x8000_0000u)]
    public void Memory_table_of_too_many_regions_ends_the_connection(uint regions)
    {
        var frontend = _server.Connect();
        var body = new byte[8 + (32 * 33)];
        MemoryMarshal.Write(body, regions);
        frontend.Socket.Send((uint)VhostUserRequest.SetMemTable, Version, body);
        AssertCloses(frontend);
    }

    [Fact]
    public void Memory_table_with_fewer_descriptors_than_regions_ends_the_connection()
    {
        using var file = new MemoryFile(8192);
        var frontend = _server.Connect();
        frontend.Socket.Send((uint)VhostUserRequest.SetMemTable, Version, Table((0, 4096, 0, 0), (4096, 4096, 4096, 4096)), [file.Fd]);
        AssertCloses(frontend);
    }

    [Fact]
    public void Memory_table_that_overlaps_is_refused()
    {
        using var file = new MemoryFile(8192);
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetMemTable, Table((0, 8192, 0, 0), (4096, 4096, 1 << 20, 0)), file.Fd, file.Fd));
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetMemTable, Table((0, 8192, 0, 0), (1 << 20, 4096, 4096, 0)), file.Fd, file.Fd));
        Assert.Equal(0ul, frontend.SendForAck(VhostUserRequest.SetMemTable, Table((0, 4096, 0, 0), (4096, 4096, 4096, 4096)), file.Fd, file.Fd));
    }

    [Theory]
    [InlineData(0, 8193, 0, 0)]
    [InlineData(0, 4096, 0, 8192)]
    [InlineData(0, 0, 0, 0)]
    [InlineData(ulong.MaxValue - 4095, 8192, 0, 0)]
    [InlineData(0, 8192, ulong.MaxValue - 4095, 0)]
    [InlineData(0, 8192, 0, ulong.MaxValue - 4095)]
    public void Memory_region_that_cannot_be_is_refused(ulong guest, ulong size, ulong user, ulong offset)
    {
        using var file = new MemoryFile(8192);
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetMemTable, Table((guest, size, user, offset)), file.Fd));
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.AddMemReg, Region(guest, size, user, offset), file.Fd));
    }

    [Fact]
    public void More_memory_regions_than_slots_are_refused()
    {
        using var file = new MemoryFile(4096);
        using var frontend = _server.Connect();
        var slots = frontend.GetMaxMemorySlots();
        for (var i = 0ul; i < slots; i++)
            Assert.Equal(0ul, frontend.SendForAck(VhostUserRequest.AddMemReg, Region(i * 8192, 4096, i * 8192, 0), file.Fd));

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.AddMemReg, Region(slots * 8192, 4096, slots * 8192, 0), file.Fd));
        Assert.Equal(0ul, frontend.SendForAck(VhostUserRequest.RemMemReg, Region(8192, 4096, 8192, 0)));
        Assert.Equal(0ul, frontend.SendForAck(VhostUserRequest.AddMemReg, Region(slots * 8192, 4096, slots * 8192, 0), file.Fd));
    }

    [Fact]
    public void Removing_memory_that_is_not_there_is_refused()
    {
        using var file = new MemoryFile(8192);
        using var frontend = _server.Connect();
        Assert.Equal(0ul, frontend.SendForAck(VhostUserRequest.AddMemReg, Region(0, 8192, 1 << 20, 0), file.Fd));

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.RemMemReg, Region(0, 4096, 1 << 20, 0)));
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.RemMemReg, Region(0, 8192, 2 << 20, 0)));
        // The offset is of no account.
        Assert.Equal(0ul, frontend.SendForAck(VhostUserRequest.RemMemReg, Region(0, 8192, 1 << 20, 4096)));
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.RemMemReg, Region(0, 8192, 1 << 20, 0)));
    }

    [Fact]
    public void Features_that_were_not_offered_are_refused()
    {
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetFeatures, Bytes(1)));
        // VIRTIO_F_RING_PACKED
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetFeatures, Bytes(1ul << 34)));
    }

    [Fact]
    public void Protocol_features_that_were_not_offered_end_the_connection()
    {
        var frontend = _server.Connect();
        frontend.Socket.Send((uint)VhostUserRequest.SetProtocolFeatures, Version, Bytes(1ul << 14));
        AssertCloses(frontend);
    }

    [Fact]
    public void Back_end_channel_that_is_no_socket_is_refused()
    {
        using var file = new MemoryFile(8192);
        using var frontend = _server.Connect();

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetBackendReqFd, [], file.Fd));
    }

    [Theory]
    [InlineData(0, 128)]
    [InlineData(5, 128)]
    [InlineData(2, 0)]
    [InlineData(2, 40000)]
    public void Inflight_area_of_a_size_that_cannot_be_ends_the_connection_or_is_refused(ushort queues, ushort size)
    {
        var frontend = _server.Connect();
        frontend.Socket.Send((uint)VhostUserRequest.GetInflightFd, Version, Inflight(0, 0, queues, size));
        AssertCloses(frontend);
    }

    [Theory]
    [InlineData(4096ul, 0ul)]
    [InlineData(8192ul, 4096ul)]
    [InlineData(ulong.MaxValue, 64ul)]
    [InlineData(8192ul, ulong.MaxValue - 63)]
    [InlineData(8192ul, 1ul)]
    public void Inflight_area_that_is_not_in_its_file_is_refused_and_its_descriptor_closed(ulong size, ulong offset)
    {
        using var file = new MemoryFile(8192);
        using var frontend = _server.Connect();

        // Two queues of 256 entries need two times 4160 bytes.
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetInflightFd, Inflight(size, offset, 2, 256), file.Fd));
    }

    [Fact]
    public void Disconnects_at_every_byte_of_a_message_are_survived()
    {
        using var file = new MemoryFile(8192);
        var message = new byte[12 + 40];
        VhostUserSocket.WriteHeader(message, (uint)VhostUserRequest.SetMemTable, Version, 40);
        Table((0, 8192, 0, 0)).CopyTo(message, 12);
        for (var length = 1; length < message.Length; length++)
        {
            using var frontend = _server.Connect();
            frontend.Socket.SendRaw(message.AsSpan(0, length), [file.Fd]);
        }
        _server.AssertServes();
    }

    [Fact]
    public void Ring_messages_in_the_wrong_order_hurt_nobody()
    {
        using var machine = new VirtualMachine();
        var queue = machine.Queues[1];
        using (var frontend = _server.Connect())
        {
            frontend.SetVringKick(1, queue.Kick.Fd, acknowledge: true);
            frontend.EnableVring(1, true, acknowledge: true);
            frontend.SetVringSize(1, queue.Size, acknowledge: true);
            // All is known now but the memory, and so the ring cannot be found.
            Assert.NotEqual(0ul, frontend.SendForAck(
                VhostUserRequest.SetVringAddr, MemoryMarshal.AsBytes(new ReadOnlySpan<VringAddress>([machine.AddressOf(queue)]))));
            frontend.SetMemoryTable(machine.Memory.Regions, acknowledge: true);
            frontend.SetVringAddress(machine.AddressOf(queue), acknowledge: true);
            Assert.Equal(0u, frontend.GetVringBase(1));
        }
        _server.AssertServes();
    }

    [Fact]
    public void Running_ring_is_not_changed()
    {
        using var machine = VirtualMachine.Boot(_server.SocketPath);
        var frontend = machine.Frontend;
        var moved = machine.AddressOf(machine.Queues[1]);
        moved.Used += 4096;

        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetVringNum, Bytes((64ul << 32) | 1)));
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetVringBase, Bytes((5ul << 32) | 1)));
        Assert.NotEqual(0ul, frontend.SendForAck(VhostUserRequest.SetVringAddr, MemoryMarshal.AsBytes(new ReadOnlySpan<VringAddress>([moved]))));
        EchoServer.AssertEchoes(machine);
    }

    [Fact]
    public void Any_messages_at_all_leave_the_server_serving()
    {
        const int Seed = 20260211;
        const int Connections = 150;
        var random = new Random(Seed);
        using var file = new MemoryFile(1 << 16);
        for (var i = 0; i < Connections; i++)
        {
            using var frontend = _server.Connect();
            try
            {
                for (var messages = random.Next(1, 20); messages > 0; messages--)
                    SendRandom(frontend, random, file.Fd);
            }
            catch (VhostUserProtocolException)
            {
                // The server has closed the connection.
            }
        }
        _server.AssertServes();
    }

    static void SendRandom(VhostUserFrontend frontend, Random random, int fd)
    {
        var request = (uint)random.Next(0, 46);
        var size = random.Next(4) switch { 0 => 8, 1 => 40, 2 => 20, _ => random.Next(0, 300) };
        var body = new byte[size];
        random.NextBytes(body);
        // Mostly small numbers, which come further.
        for (var i = 0; i < body.Length; i++)
        {
            if (i % 8 > 1 && random.Next(8) != 0)
                body[i] = 0;
            else if (i % 8 == 0 && random.Next(2) == 0)
                body[i] = (byte)random.Next(4);
        }
        var descriptors = Enumerable.Repeat(fd, random.Next(3) == 0 ? random.Next(0, 40) : random.Next(0, 2)).ToArray();
        frontend.Socket.Send(request, Version | (random.Next(2) == 0 ? NeedReply : 0), body, descriptors);
    }

    static byte[] Bytes(ulong value) => BitConverter.GetBytes(value);

    static byte[] Table(params (ulong Guest, ulong Size, ulong User, ulong Offset)[] regions)
    {
        var numbers = new List<ulong> { (ulong)regions.Length };
        foreach (var (guest, size, user, offset) in regions)
            numbers.AddRange([guest, size, user, offset]);
        return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(numbers)).ToArray();
    }

    static byte[] Region(ulong guest, ulong size, ulong user, ulong offset) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>([0, guest, size, user, offset])).ToArray();

    static byte[] Inflight(ulong size, ulong offset, ushort queues, ushort queueSize)
    {
        var body = new byte[20];
        MemoryMarshal.Write(body, size);
        MemoryMarshal.Write(body.AsSpan(8), offset);
        MemoryMarshal.Write(body.AsSpan(16), queues);
        MemoryMarshal.Write(body.AsSpan(18), queueSize);
        return body;
    }

    VhostUserFrontend Send(VhostUserRequest request, int size)
    {
        var frontend = _server.Connect();
        frontend.Socket.Send((uint)request, Version, new byte[size]);
        return frontend;
    }

    static void SendAndClose(VhostUserFrontend frontend, VhostUserRequest request, byte[] body, DescriptorSet descriptors)
    {
        var sent = descriptors.Duplicates();
        frontend.Socket.Send((uint)request, Version, body, sent);
        foreach (var fd in sent)
            _ = Core.Interop.Descriptors.Close(fd);
    }

    void AssertCloses(VhostUserFrontend frontend)
    {
        using (frontend)
            Assert.True(frontend.Socket.WaitForClose(s_patience));
        _server.AssertServes();
    }
}
