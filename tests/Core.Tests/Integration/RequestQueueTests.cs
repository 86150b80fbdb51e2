using VirtioFsStore.Driver.FileSystems;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using Xunit;

namespace VirtioFsStore.Core.Tests.Integration;

/// <summary>Several request queues at a time.</summary>
public sealed class RequestQueueTests
{
    [Fact]
    public void Four_queues_are_served_in_parallel()
    {
        var files = new MemoryFileSystem();
        for (var i = 0; i < 4; i++)
            files.AddFile($"f{i}", new string((char)('a' + i), 20_000));
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 4, Depth = 8 });
        var failures = new List<Exception>();

        var guests = Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            try
            {
                for (var round = 0; round < 200; round++)
                    Assert.All(machine.Clients[i].ReadFile($"f{i}"), one => Assert.Equal('a' + i, one));
            }
            catch (Exception exception)
            {
                lock (failures)
                    failures.Add(exception);
            }
        })).ToArray();
        foreach (var guest in guests)
            guest.Start();
        foreach (var guest in guests)
            guest.Join();

        Assert.Empty(failures);
        Assert.Equal(0, files.OpenHandles);
    }

    [Fact]
    public void Requests_that_are_held_on_all_queues_arrive_at_the_same_time()
    {
        var files = new MemoryFileSystem();
        using var host = new ServerHost(files);
        using var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 4 });
        using var gate = files.Hold(MemoryOperation.GetAttributes);

        var posted = machine.Clients.Select(client =>
        {
            var request = client.BeginGetAttr(FuseClient.Root);
            client.Requests.Post(request);
            client.Requests.Notify();
            return request;
        }).ToList();
        gate.WaitForArrivals(4);
        gate.Open();

        for (var i = 0; i < 4; i++)
        {
            machine.Clients[i].Requests.WaitFor(posted[i]);
            Assert.Equal(0, posted[i].Error);
        }
    }

    [Fact]
    public void A_queue_that_is_not_offered_ends_the_connection_and_not_the_server()
    {
        using var host = new ServerHost(new MemoryFileSystem(), new ServerHostOptions { MaxRequestQueues = 2, Relisten = true });
        using (var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 2 }))
        {
            Assert.Equal(3UL, machine.Frontend.GetQueueCount());
            machine.Frontend.SetVringSize(3, 128);
            Assert.True(machine.Frontend.Socket.WaitForClose(TimeSpan.FromSeconds(20)));
        }
        host.WaitListening();

        using var next = host.Mount(new VirtualMachineOptions { RequestQueues = 2 });
        Assert.Equal(0, next.Clients[1].GetAttr(FuseClient.Root).Error);
    }

    [Fact]
    public void One_queue_stops_while_another_goes_on()
    {
        using var host = new ServerHost(new MemoryFileSystem());
        using var machine = host.Mount(new VirtualMachineOptions { RequestQueues = 2 });

        machine.Frontend.GetVringBase(1);

        Assert.Equal(0, machine.Clients[1].GetAttr(FuseClient.Root).Error);
    }
}
