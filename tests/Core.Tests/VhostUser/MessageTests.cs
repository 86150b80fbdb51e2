using System.Runtime.InteropServices;
using VirtioFsStore.Core.VhostUser;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

public sealed class MessageTests : IDisposable
{
    readonly Message _message = new();

    public void Dispose() => _message.Dispose();

    [Fact]
    public void Header_is_read()
    {
        Begin(5, Message.Version | Message.NeedReplyFlag, 40);

        Assert.Equal(FrontendRequest.SetMemTable, _message.Request);
        Assert.True(_message.NeedsReply);
        Assert.Equal(40, _message.Body.Length);
    }

    [Theory]
    [InlineData(0u, 0u, "version")]
    [InlineData(2u, 0u, "version")]
    [InlineData(3u, 0u, "version")]
    [InlineData(Message.Version | Message.ReplyFlag, 0u, "reply")]
    [InlineData(Message.Version, Message.MaxBody + 1u, "4097")]
    [InlineData(Message.Version, uint.MaxValue, "4294967295")]
    public void Header_that_is_none_is_a_violation(uint flags, uint size, string words)
    {
        var error = Assert.Throws<VhostUserException>(() => Begin(1, flags, size));

        Assert.True(error.IsViolation);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bits_of_later_versions_of_the_header_are_passed_over()
    {
        Begin(1, Message.Version | 0x10, 0);

        Assert.False(_message.NeedsReply);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    public void Body_of_another_size_is_a_violation(int size)
    {
        Begin(2, Message.Version, (uint)size);

        Assert.True(Assert.Throws<VhostUserException>(() => _message.ExpectSize(8)).IsViolation);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Other_number_of_descriptors_is_a_violation(int count)
    {
        using var descriptors = new DescriptorSet(count);
        Begin(37, Message.Version, 40, descriptors.Duplicates());

        Assert.True(Assert.Throws<VhostUserException>(() => _message.ExpectDescriptors(1)).IsViolation);
    }

    [Fact]
    public void Descriptors_that_nobody_took_are_closed()
    {
        using var descriptors = new DescriptorSet(3);
        Begin(5, Message.Version, 8, descriptors.Duplicates());

        var taken = _message.TakeDescriptor();
        _message.CloseDescriptors();

        Assert.Equal(1, descriptors.OpenDuplicates());
        _ = Core.Interop.Descriptors.Close(taken);
        Assert.Equal(0, descriptors.OpenDuplicates());
    }

    void Begin(uint request, uint flags, uint size, int[]? descriptors = null)
    {
        Span<byte> header = stackalloc byte[Message.HeaderSize];
        MemoryMarshal.Write(header, request);
        MemoryMarshal.Write(header[4..], flags);
        MemoryMarshal.Write(header[8..], size);
        descriptors?.CopyTo(_message.DescriptorSpace);
        _message.Begin(header, descriptors?.Length ?? 0);
    }
}
