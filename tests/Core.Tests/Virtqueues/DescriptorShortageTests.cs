using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Tests.Integration;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Core.Virtqueues;
using Xunit;

namespace VirtioFsStore.Core.Tests.Virtqueues;

/// <summary>What is made while the process has too few descriptors left keeps none of them.</summary>
[Collection(nameof(WholeProcess))]
public sealed class DescriptorShortageTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Notification_that_cannot_be_made_keeps_no_descriptor(int left) => AssertKeepsNone(left, () => new NotificationFd());

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Queue_that_cannot_be_made_keeps_no_descriptor(int left) => AssertKeepsNone(left, () => new Vring(1, new EchoHandler()));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Worker_that_cannot_be_made_keeps_no_descriptor(int left)
    {
        using var ring = new RingHarness();
        using var call = new NotificationFd();
        using var error = new NotificationFd();
        var handler = new EchoHandler();
        using var pool = new RequestPool(1, handler);
        var setup = new QueueSetup { Index = 1, Size = 16, Addresses = ring.Addresses };
        var reader = ring.Table.AddReader();

        AssertKeepsNone(left, () => new QueueWorker(setup, reader, pool, handler, call, error, NullLogger.Instance, () => { }));

        ring.Table.RemoveReader(reader);
    }

    static void AssertKeepsNone(int left, Func<IDisposable> make)
    {
        // What the runtime opens when code runs for the first time is not to be counted.
        make().Dispose();
        using var shortage = new DescriptorShortage();
        shortage.Leave(0);
        Assert.Throws<SystemCallException>(make);
        shortage.Leave(left);

        var failure = Assert.Throws<SystemCallException>(make);

        Assert.Equal(Errno.EMFILE, failure.Error);
        Assert.Equal(left, shortage.TakeAll());
    }
}
