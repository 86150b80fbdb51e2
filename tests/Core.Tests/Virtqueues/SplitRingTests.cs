using VirtioFsStore.Core.Virtqueues;
using VirtioFsStore.Driver.Memory;
using Xunit;

namespace VirtioFsStore.Core.Tests.Virtqueues;

public sealed class SplitRingTests
{
    [Fact]
    public void Heads_come_in_the_order_in_which_the_driver_offers_them_also_over_the_ring_s_end()
    {
        using var harness = new RingHarness(4);
        for (var round = 0; round < 70_000; round++)
        {
            Assert.True(harness.Queue.TryAdd([new GuestSegment(4096, 8)], [], round, out var head));
            harness.Queue.Publish();
            Assert.True(harness.Ring.TryTake(out var taken, out _));
            Assert.Equal(head, taken);
            harness.Ring.PutUsed(taken, 0);
            harness.Ring.Publish();
            Assert.True(harness.Queue.TryTake(out var used));
            Assert.Equal(round, used.Token);
        }
        Assert.Equal(unchecked((ushort)70_000), harness.Ring.NextAvailable);
    }

    [Fact]
    public void Empty_ring_gives_nothing_and_is_no_fault()
    {
        using var harness = new RingHarness();

        Assert.False(harness.Ring.TryTake(out _, out var fault));
        Assert.Equal(RingFault.None, fault);
    }

    [Theory]
    [InlineData(17)]
    [InlineData(ushort.MaxValue)]
    public void Available_index_that_jumps_further_than_the_queue_s_size(int index)
    {
        using var harness = new RingHarness(16);
        harness.Queue.WriteAvailableIndex((ushort)index);

        Assert.False(harness.Ring.TryTake(out _, out var fault));
        Assert.Equal(RingFault.AvailableIndex, fault);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(ushort.MaxValue)]
    public void Head_past_the_descriptor_table(int head)
    {
        using var harness = new RingHarness(16);
        harness.Queue.PostRaw((ushort)head);

        Assert.False(harness.Ring.TryTake(out _, out var fault));
        Assert.Equal(RingFault.HeadIndex, fault);
    }

    [Fact]
    public void Used_entries_are_seen_when_they_are_published_and_not_before()
    {
        using var harness = new RingHarness();
        Offer(harness, 3);
        for (var i = 0; i < 3; i++)
        {
            Assert.True(harness.Ring.TryTake(out var head, out _));
            harness.Ring.PutUsed(head, (uint)(100 + i));
        }
        Assert.False(harness.Queue.TryTake(out _));

        harness.Ring.Publish();

        for (var i = 0; i < 3; i++)
        {
            Assert.True(harness.Queue.TryTake(out var entry));
            Assert.Equal((uint)(100 + i), entry.Length);
        }
    }

    [Fact]
    public void Driver_that_polls_is_not_notified()
    {
        using var harness = new RingHarness();
        Offer(harness, 1);
        harness.Queue.DisarmCall();

        Assert.False(UseOne(harness));
    }

    [Fact]
    public void Driver_is_notified_without_the_event_index_for_each_publication()
    {
        using var harness = new RingHarness();
        Offer(harness, 2);

        Assert.True(UseOne(harness));
        Assert.True(UseOne(harness));
    }

    [Fact]
    public void Event_index_asks_for_a_notification_when_its_entry_is_passed()
    {
        using var harness = new RingHarness(16, eventIndex: true);
        Offer(harness, 8);
        Assert.True(UseOne(harness), "the first time nothing is known");

        SetUsedEvent(harness, 3);
        Assert.False(UseOne(harness));
        Assert.False(UseOne(harness));
        Assert.True(UseOne(harness), "entry 3 is used now");
        Assert.False(UseOne(harness));

        SetUsedEvent(harness, 6);
        for (var i = 0; i < 3; i++)
        {
            Assert.True(harness.Ring.TryTake(out var head, out _));
            harness.Ring.PutUsed(head, 0);
        }
        Assert.True(harness.Ring.Publish(), "a batch that passes the entry");
    }

    [Fact]
    public void Kicks_are_asked_for_only_while_nobody_looks()
    {
        foreach (var eventIndex in new[] { false, true })
        {
            using var harness = new RingHarness(16, eventIndex: eventIndex);
            harness.Ring.DisableKicks();
            Assert.False(harness.Ring.EnableKicks());
            Assert.True(Offer(harness, 1), "the device sleeps");
            Assert.True(UseOne(harness));
            harness.Ring.DisableKicks();
            Assert.False(Offer(harness, 1), "the device is awake");
        }
    }

    [Fact]
    public void What_came_before_kicks_were_asked_for_is_noticed()
    {
        using var harness = new RingHarness(16, eventIndex: true);
        Offer(harness, 1);

        Assert.True(harness.Ring.EnableKicks());
    }

    [Fact]
    public void Ring_that_lies_over_a_region_s_end_is_not_used()
    {
        using var harness = new RingHarness();
        var user = harness.Guest.Regions[0].UserAddress;
        foreach (var addresses in new[]
        {
            harness.Addresses with { Descriptors = user + RingHarness.LowSize - 16 },
            harness.Addresses with { Available = user + RingHarness.LowSize - 16 },
            harness.Addresses with { Used = user + RingHarness.LowSize - 16 },
            harness.Addresses with { Used = 4096 },
        })
        {
            Assert.False(harness.Ring.Attach(harness.Memory, addresses));
        }
        Assert.True(harness.Ring.Attach(harness.Memory, harness.Addresses));
    }

    static bool Offer(RingHarness harness, int count)
    {
        for (var i = 0; i < count; i++)
            Assert.True(harness.Queue.TryAdd([new GuestSegment(4096, 8)], [], i, out _));
        return harness.Queue.PublishAndNotify();
    }

    static bool UseOne(RingHarness harness)
    {
        Assert.True(harness.Ring.TryTake(out var head, out _));
        harness.Ring.PutUsed(head, 0);
        return harness.Ring.Publish();
    }

    static void SetUsedEvent(RingHarness harness, ushort value) =>
        harness.Guest.Write(harness.Queue.AvailableRing + 4 + (2UL * harness.Queue.Size), value);
}
