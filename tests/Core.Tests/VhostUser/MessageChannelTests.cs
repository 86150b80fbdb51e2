using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.VhostUser;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

public sealed unsafe class MessageChannelTests : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    readonly FileDescriptor _peer;
    readonly MessageChannel _channel;
    readonly Message _message = new();
    readonly int _stop = EventFd.Create();

    public MessageChannelTests()
    {
        SystemCallException.ThrowIfError(Sockets.CreatePair(out var ours, out var theirs), "socketpair");
        _peer = new FileDescriptor(theirs);
        _channel = new MessageChannel(new FileDescriptor(ours), _stop);
    }

    public void Dispose()
    {
        _peer.Dispose();
        _channel.Dispose();
        _message.Dispose();
        _ = Descriptors.Close(_stop);
    }

    [Fact]
    public void Message_arrives_whole_with_its_descriptors()
    {
        using var descriptors = new DescriptorSet(2);
        Send(Header(5, 16), []);
        Send(new byte[16], []);
        Send(Header(12, 8, 1, 2, 3, 4, 5, 6, 7, 8), descriptors.Duplicates());

        Assert.True(_channel.TryReceive(_message, out _));
        Assert.Equal(FrontendRequest.SetMemTable, _message.Request);
        Assert.True(_channel.TryReceive(_message, out _));
        Assert.Equal(FrontendRequest.SetVringKick, _message.Request);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], _message.Body.ToArray());
        Assert.Equal(2, _message.DescriptorCount);
    }

    [Fact]
    public void Message_in_single_bytes_is_put_together()
    {
        var bytes = Header(2, 8, 1, 0, 0, 0, 0, 0, 0, 0);
        var sender = new Thread(() =>
        {
            foreach (var value in bytes)
                Send([value], []);
        });
        sender.Start();

        Assert.True(_channel.TryReceive(_message, out _));
        Assert.Equal(1ul, _message.U64(0));
        sender.Join();
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(11, true)]
    [InlineData(12, true)]
    [InlineData(19, true)]
    public void Peer_that_leaves_within_a_message_is_noticed(int sent, bool cutOff)
    {
        Send(Header(2, 8, 1, 0, 0, 0, 0, 0, 0, 0)[..sent], []);
        _peer.Dispose();

        Assert.False(_channel.TryReceive(_message, out var wasCutOff));
        Assert.Equal(cutOff, wasCutOff);
    }

    [Fact]
    public void Descriptors_of_a_message_that_is_cut_off_are_closed()
    {
        using var descriptors = new DescriptorSet(3);
        Send(Header(5, 8)[..6], descriptors.Duplicates());
        _peer.Dispose();

        Assert.False(_channel.TryReceive(_message, out _));
        Assert.True(descriptors.WaitAllClosed(s_patience));
    }

    [Fact]
    public void Surplus_descriptors_are_a_violation_and_closed()
    {
        using var descriptors = new DescriptorSet(Message.MaxDescriptors + 1);
        Send(Header(5, 0), descriptors.Duplicates());

        Assert.True(Assert.Throws<VhostUserException>(() => _channel.TryReceive(_message, out _)).IsViolation);
        Assert.True(descriptors.WaitAllClosed(s_patience));
    }

    [Fact]
    public void Descriptors_within_the_body_are_closed()
    {
        using var descriptors = new DescriptorSet(2);
        Send(Header(2, 8), []);
        var sender = new Thread(() => Send(new byte[8], descriptors.Duplicates()));
        sender.Start();

        Assert.True(_channel.TryReceive(_message, out _));
        sender.Join();
        Assert.Equal(0, _message.DescriptorCount);
        Assert.True(descriptors.WaitAllClosed(s_patience));
    }

    [Fact]
    public void Descriptors_that_a_request_does_not_use_are_closed_with_the_next_message()
    {
        using var descriptors = new DescriptorSet(4);
        Send(Header(3, 0), descriptors.Duplicates());
        Send(Header(1, 0), []);

        Assert.True(_channel.TryReceive(_message, out _));
        Assert.Equal(4, _message.DescriptorCount);
        Assert.True(_channel.TryReceive(_message, out _));
        Assert.True(descriptors.WaitAllClosed(s_patience));
    }

    [Fact]
    public void Stop_ends_the_wait_for_the_rest_of_a_message()
    {
        Send(Header(2, 8)[..5], []);
        var result = true;
        var receiver = new Thread(() => result = _channel.TryReceive(_message, out _));
        receiver.Start();

        _ = EventFd.Signal(_stop);

        receiver.Join();
        Assert.False(result);
    }

    [Fact]
    public void Reply_names_its_request_and_carries_its_descriptor()
    {
        using var descriptors = new DescriptorSet(1);
        var sent = descriptors.Duplicates()[0];
        _channel.Reply(FrontendRequest.GetInflightFd, [1, 2, 3], sent);
        _ = Descriptors.Close(sent);

        var bytes = new byte[64];
        Span<int> received = stackalloc int[2];
        fixed (byte* buffer = bytes)
            Assert.Equal(15, Sockets.Receive(_peer.Value, buffer, 64, received, out var count, out _));

        Assert.Equal([31, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3], bytes[..15]);
        Assert.Equal(1, descriptors.OpenDuplicates());
        _ = Descriptors.Close(received[0]);
    }

    static byte[] Header(uint request, uint size, params byte[] body)
    {
        var bytes = new byte[Message.HeaderSize + body.Length];
        MemoryMarshal.Write(bytes, request);
        MemoryMarshal.Write(bytes.AsSpan(4), Message.Version);
        MemoryMarshal.Write(bytes.AsSpan(8), size);
        body.CopyTo(bytes, Message.HeaderSize);
        return bytes;
    }

    void Send(byte[] bytes, int[] descriptors)
    {
        if (bytes.Length == 0)
            return;
        fixed (byte* buffer = bytes)
            Assert.Equal(bytes.Length, Sockets.Send(_peer.Value, buffer, (nuint)bytes.Length, descriptors));
        foreach (var fd in descriptors)
            _ = Descriptors.Close(fd);
    }
}
