using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Memory;
using VirtioFsStore.Driver.VhostUser;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>
/// Messages that no VMM should send: each is refused or ends its connection; the server, its memory of descriptors and the next
/// connection are not touched by it.
/// </summary>
[Collection(nameof(WholeProcess))]
public sealed class HostileMessageTests : IDisposable
{
    readonly MemoryFileSystem _files = new(Core.Storage.FileSystemTraits.Immutable);
    readonly ServerHost _host;
    readonly string _file = Path.GetTempFileName();

    public HostileMessageTests()
    {
        _files.AddFile("file", "content");
        _host = new ServerHost(_files, new ServerHostOptions { Relisten = true, Tag = "tag", DrainLimit = TimeSpan.FromSeconds(1) });
    }

    public void Dispose()
    {
        _host.Dispose();
        File.Delete(_file);
    }

    /// <summary>Does something on a connection of its own, then makes sure that nothing was left behind.</summary>
    void Harmless(Action<VirtualMachine> act, bool started = true)
    {
        Assert.Null(OpenDescriptors.LeftBy(Once));
        using (var machine = _host.Mount())
            Assert.Equal("content"u8, machine.Fuse.ReadFile("file"));
        _host.WaitListening();

        void Once()
        {
            using (var machine = new VirtualMachine())
            {
                machine.Connect(_host.SocketPath);
                if (started)
                    machine.Start();
                machine.Frontend.Socket.Timeout = TimeSpan.FromSeconds(10);
                try
                {
                    act(machine);
                }
                catch (VhostUserProtocolException)
                {
                    // Refused, or the connection has ended: both are right.
                }
            }
            _host.WaitListening();
        }
    }

    [Fact]
    public void A_message_that_is_cut_off_anywhere()
    {
        var message = new byte[VhostUserMessage.HeaderSize + 8];
        VhostUserSocket.WriteHeader(message, (uint)VhostUserRequest.SetVringNum, VhostUserMessage.Version, 8);
        for (var length = 1; length < message.Length; length++)
        {
            using (var frontend = VhostUserFrontend.Connect(_host.SocketPath))
                frontend.Socket.SendRaw(message.AsSpan(0, length));
            _host.WaitListening();
        }
        Harmless(_ => { });
    }

    [Fact]
    public void A_message_that_comes_byte_by_byte_is_understood()
    {
        Harmless(machine =>
        {
            var message = new byte[VhostUserMessage.HeaderSize];
            VhostUserSocket.WriteHeader(message, (uint)VhostUserRequest.GetFeatures, VhostUserMessage.Version, 0);
            foreach (var one in message)
                machine.Frontend.Socket.SendRaw([one]);
            using var reply = machine.Frontend.Socket.Receive();
            Assert.Equal((ulong)machine.OfferedFeatures, reply.Body<ulong>());
        });
    }

    [Theory]
    [InlineData(1u, 0u, 0u)] // Version 0.
    [InlineData(1u, 2u, 0u)]
    [InlineData(1u, 3u, 0u)]
    [InlineData(1u, 5u, 0u)] // A reply.
    [InlineData(8u, 1u, uint.MaxValue)]
    [InlineData(8u, 1u, 1u << 31)]
    [InlineData(8u, 1u, 4097u)]
    [InlineData(0u, 1u, 0u)]
    [InlineData(45u, 1u, 0u)]
    [InlineData(uint.MaxValue, 1u, 0u)]
    public void A_header_that_is_wrong(uint request, uint flags, uint size) =>
        Harmless(machine =>
        {
            var header = new byte[VhostUserMessage.HeaderSize];
            VhostUserSocket.WriteHeader(header, request, flags, size);
            machine.Frontend.Socket.SendRaw(header);
            Assert.True(machine.Frontend.Socket.WaitForClose(TimeSpan.FromSeconds(10)));
        });

    public static TheoryData<uint> AllRequests { get; } = [.. Enumerable.Range(0, 50).Select(request => (uint)request)];

    [Theory]
    [MemberData(nameof(AllRequests))]
    public void Every_request_with_a_body_of_the_wrong_size(uint request)
    {
        foreach (var size in new[] { 0, 1, 7, 9, 13, 21, 39, 41, 1000, 4096 })
            Harmless(machine => machine.Frontend.SendForAck((VhostUserRequest)request, new byte[size]));
    }

    [Theory]
    [MemberData(nameof(AllRequests))]
    public void Every_request_with_descriptors_that_do_not_belong_to_it(uint request)
    {
        foreach (var (size, count) in new[] { (0, 1), (8, 2), (8, 8), (16, 2), (40, 3), (24, 8), (40, 32), (8, 33), (8, 60) })
            Harmless(machine =>
            {
                using var memory = new GuestMemory(MemoryLayout.Flat(1 << 20));
                machine.Frontend.SendForAck((VhostUserRequest)request, new byte[size], [.. Enumerable.Repeat(memory.Regions[0].Fd, count)]);
            });
    }

    [Theory]
    [MemberData(nameof(AllRequests))]
    public void Every_request_before_anything_else(uint request) =>
        Harmless(
            machine =>
            {
                using var event_ = new Driver.Interop.EventFd();
                machine.Frontend.SendForAck((VhostUserRequest)request, new byte[8], event_.Fd);
            },
            started: false);

    [Fact]
    public void Queue_numbers_and_sizes_out_of_range()
    {
        foreach (var (index, number) in new[] { (0u, 0u), (0u, 3u), (0u, 65536u), (0u, uint.MaxValue), (65u, 128u), (255u, 128u), (uint.MaxValue, 128u) })
            Harmless(machine => machine.Frontend.SetVringSize(index, number, acknowledge: true), started: false);
        foreach (var index in new[] { 65u, 255u, uint.MaxValue })
        {
            Harmless(machine => machine.Frontend.GetVringBase(index));
            Harmless(machine => machine.Frontend.EnableVring(index, true, acknowledge: true));
            Harmless(machine => machine.Frontend.SetVringBase(index, 0, acknowledge: true));
            Harmless(machine => machine.Frontend.SetVringAddress(machine.AddressOf(machine.Queues[1]) with { Index = index }, acknowledge: true));
        }
        Harmless(machine => machine.Frontend.Tell(VhostUserRequest.SetVringEnable, new VringState(1, 7), acknowledge: true));
        Harmless(machine => machine.Frontend.SetVringBase(1, 70_000, acknowledge: true), started: false);
    }

    [Fact]
    public void Kick_descriptors_that_are_not_as_announced()
    {
        Harmless(machine => machine.Frontend.Tell(VhostUserRequest.SetVringKick, 1UL, acknowledge: true));
        Harmless(machine => machine.Frontend.Tell(VhostUserRequest.SetVringKick, 1UL | 0x100, acknowledge: true, machine.Queues[1].Kick.Fd));
        Harmless(machine => machine.Frontend.Tell(VhostUserRequest.SetVringKick, 1UL | 0x200, acknowledge: true, machine.Queues[1].Kick.Fd));
        Harmless(machine => machine.Frontend.Tell(VhostUserRequest.SetVringKick, 200UL, acknowledge: true, machine.Queues[1].Kick.Fd));
        // No eventfds: a regular file, a directory, guest memory.
        foreach (var path in new[] { _file, Path.GetTempPath(), "/dev/zero" })
            foreach (var request in new[] { VhostUserRequest.SetVringKick, VhostUserRequest.SetVringCall, VhostUserRequest.SetVringErr })
                Harmless(machine =>
                {
                    using var other = new FileDescriptor(Descriptors.Open(path, OpenFlags.O_RDONLY));
                    machine.Frontend.Tell(request, 1UL, acknowledge: true, other.Value);
                    machine.Queues[1].Kick.Signal();
                    _ = machine.Frontend.GetFeatures();
                });
    }

    [Fact]
    public void A_call_descriptor_that_cannot_take_more_does_not_block_the_queue()
    {
        Harmless(machine =>
        {
            var full = machine.Queues[1].Call;
            full.Fill();
            machine.MountSession();
            for (var i = 0; i < 10; i++)
            {
                var request = machine.Fuse.BeginGetAttr(1);
                machine.Fuse.Requests.Post(request);
                machine.Fuse.Requests.Notify();
                Assert.True(SpinWait.SpinUntil(() => machine.Fuse.Requests.Poll() is not null, TimeSpan.FromSeconds(10)));
                machine.Fuse.Requests.Return(request);
                full.Fill();
            }
        });
    }

    [Fact]
    public void Ring_addresses_outside_of_memory_or_misaligned()
    {
        VringAddress Of(VirtualMachine machine) => machine.AddressOf(machine.Queues[1]);
        foreach (var bend in new Func<VringAddress, VringAddress>[]
        {
            address => address with { Descriptors = 0 },
            address => address with { Descriptors = ulong.MaxValue },
            address => address with { Descriptors = address.Descriptors + 8 },
            address => address with { Available = address.Available + 1 },
            address => address with { Available = 0x10 },
            address => address with { Used = address.Used + 2 },
            address => address with { Used = ulong.MaxValue - 3 },
            address => address with { Flags = uint.MaxValue, Log = ulong.MaxValue - 3 },
        })
        {
            Harmless(
                machine =>
                {
                    machine.Frontend.SetFeatures(machine.Features);
                    machine.AnnounceMemory();
                    machine.Frontend.SetVringSize(1, machine.Queues[1].Size);
                    machine.Frontend.SetVringAddress(bend(Of(machine)), acknowledge: true);
                    machine.Frontend.SetVringKick(1, machine.Queues[1].Kick.Fd, acknowledge: true);
                    machine.Frontend.EnableVring(1, true, acknowledge: true);
                    machine.Queues[1].Kick.Signal();
                    _ = machine.Frontend.GetFeatures();
                },
                started: false);
        }
    }

    [Fact]
    public void Memory_tables_that_lie()
    {
        MemoryRegion good = new() { GuestAddress = 0, Size = 1 << 20, UserAddress = 0x7000_0000_0000 };
        foreach (var (count, regions, descriptors) in new (uint, MemoryRegion[], int)[]
        {
            (0, [], 0),
            (2, [good], 1),
            (1, [good], 2),
            (1, [good], 0),
            (33, [.. Enumerable.Repeat(good, 33)], 33),
            (uint.MaxValue, [good], 1),
            (2, [good, good], 2),
            (1, [good with { Size = 2 << 20 }], 1),
            (1, [good with { Size = 0 }], 1),
            (1, [good with { Size = ulong.MaxValue }], 1),
            (1, [good with { MapOffset = 123 }], 1),
            (1, [good with { GuestAddress = ulong.MaxValue - 100 }], 1),
            (2, [good, good with { GuestAddress = 1 << 30, UserAddress = good.UserAddress + 4096 }], 2),
        })
        {
            Harmless(machine =>
            {
                using var memory = new GuestMemory(MemoryLayout.Flat(1 << 20));
                var body = new byte[8 + regions.Length * 32];
                MemoryMarshal.Write(body, count);
                MemoryMarshal.AsBytes(regions.AsSpan()).CopyTo(body.AsSpan(8));
                machine.Frontend.Tell(VhostUserRequest.SetMemTable, body, true, [.. Enumerable.Repeat(memory.Regions[0].Fd, descriptors)]);
                // Whether it was taken or not: the queues look at their memory again.
                machine.Queues[1].Kick.Signal();
                _ = machine.Frontend.GetVringBase(1);
            });
        }
    }

    [Fact]
    public void Memory_that_is_no_memory()
    {
        foreach (var (path, flags) in new[] { (_file, OpenFlags.O_RDWR), ("/dev/null", OpenFlags.O_RDWR), (Path.GetTempPath(), OpenFlags.O_RDONLY) })
            Harmless(machine =>
            {
                using var other = new FileDescriptor(Descriptors.Open(path, flags));
                machine.Frontend.Tell(
                    VhostUserRequest.AddMemReg,
                    new SingleMemoryRegion { Region = new MemoryRegion { GuestAddress = 1UL << 40, Size = 1 << 20, UserAddress = 1UL << 40 } },
                    true,
                    other.Value);
            });
    }

    [Fact]
    public void Features_that_were_not_offered()
    {
        Harmless(machine => machine.Frontend.SetFeatures((VirtioFeatures)ulong.MaxValue, acknowledge: true));
        Harmless(machine => machine.Frontend.SetFeatures(VirtioFeatures.RingPacked | machine.Features, acknowledge: true), started: false);
        Harmless(machine => machine.Frontend.SetProtocolFeatures((ProtocolFeatures)ulong.MaxValue, acknowledge: true), started: false);
        Harmless(machine => machine.Frontend.SetProtocolFeatures(ProtocolFeatures.None));
        Harmless(machine => machine.Frontend.SetFeatures(VirtioFeatures.None));
    }

    [Fact]
    public void Inflight_and_log_areas_that_lie()
    {
        foreach (var area in new InflightDescription[]
        {
            new() { MapSize = 1 << 20, QueueCount = 0, QueueSize = 128 },
            new() { MapSize = 1 << 20, QueueCount = 2, QueueSize = 0 },
            new() { MapSize = 16, QueueCount = 2, QueueSize = 128 },
            new() { MapSize = 1UL << 40, QueueCount = 2, QueueSize = 128 },
            new() { MapSize = 1 << 20, MapOffset = ulong.MaxValue - 63, QueueCount = 2, QueueSize = 128 },
            new() { MapSize = 1 << 20, QueueCount = ushort.MaxValue, QueueSize = ushort.MaxValue },
        })
        {
            Harmless(
                machine =>
                {
                    using var memory = new GuestMemory(MemoryLayout.Flat(1 << 20));
                    machine.Frontend.Tell(VhostUserRequest.SetInflightFd, area, true, memory.Regions[0].Fd);
                },
                started: false);
            Harmless(machine => machine.Frontend.Ask(VhostUserRequest.GetInflightFd, MemoryMarshal.AsBytes(new[] { area }.AsSpan())).Dispose(), started: false);
        }
        foreach (var log in new LogDescription[] { new(0, 0), new(1UL << 40, 0), new(4096, 1), new(4096, ulong.MaxValue - 100), new(ulong.MaxValue, 4096) })
            Harmless(machine =>
            {
                using var memory = new GuestMemory(MemoryLayout.Flat(1 << 20));
                machine.Frontend.Ask(VhostUserRequest.SetLogBase, MemoryMarshal.AsBytes(new[] { log }.AsSpan()), memory.Regions[0].Fd).Dispose();
                machine.Frontend.SetFeatures(machine.Features | VirtioFeatures.LogAll, acknowledge: true);
                machine.Queues[1].Kick.Signal();
                _ = machine.Frontend.GetVringBase(1);
            });
    }

    [Fact]
    public void A_channel_that_is_no_socket() =>
        Harmless(machine => machine.Frontend.Tell(VhostUserRequest.SetBackendReqFd, default, true, machine.Queues[1].Kick.Fd));

    [Fact]
    public void Configuration_accesses_that_lie()
    {
        foreach (var header in new ConfigHeader[] { new(0, 0, 0), new(0, 41, 0), new(40, 1, 0), new(uint.MaxValue, 4, 0), new(4, uint.MaxValue, 0) })
            foreach (var size in new[] { 0, 4, 256, 4000 })
                Harmless(machine =>
                {
                    var body = new byte[12 + size];
                    MemoryMarshal.Write(body, header);
                    machine.Frontend.Ask(VhostUserRequest.GetConfig, body).Dispose();
                    machine.Frontend.Tell(VhostUserRequest.SetConfig, body, acknowledge: true);
                });
    }

    [Fact]
    public void Messages_in_any_order_and_number()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            Harmless(machine =>
            {
                for (var i = 0; i < 60; i++)
                {
                    var queue = machine.Queues[random.Next(2)];
                    var index = (uint)queue.Index;
                    switch (random.Next(12))
                    {
                        case 0: machine.Frontend.EnableVring(index, random.Next(2) == 0, acknowledge: true); break;
                        case 1: machine.Frontend.GetVringBase(index); break;
                        case 2: machine.Frontend.SendForAck(VhostUserRequest.SetVringKick, BitConverter.GetBytes((ulong)index), queue.Kick.Fd); break;
                        case 3: machine.Frontend.SendForAck(VhostUserRequest.SetVringCall, BitConverter.GetBytes((ulong)index), queue.Call.Fd); break;
                        case 4: machine.Frontend.SendForAck(VhostUserRequest.SetVringNum, BitConverter.GetBytes(((ulong)queue.Size << 32) | index)); break;
                        case 5: machine.Frontend.SendForAck(VhostUserRequest.SetVringBase, BitConverter.GetBytes(((ulong)queue.DeviceUsedIndex << 32) | index)); break;
                        case 6: machine.Frontend.SendForAck(VhostUserRequest.SetVringAddr, MemoryMarshal.AsBytes(new[] { machine.AddressOf(queue) }.AsSpan())); break;
                        case 7: machine.Frontend.SendForAck(VhostUserRequest.SetFeatures, BitConverter.GetBytes((ulong)machine.Features)); break;
                        case 8: machine.Frontend.ResetDevice(acknowledge: true); break;
                        case 9: machine.Frontend.GetFeatures(); break;
                        case 10: machine.Frontend.SetOwner(acknowledge: true); break;
                        default: queue.Kick.Signal(); break;
                    }
                }
            });
        }
    }
}
