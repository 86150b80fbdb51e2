using VirtioFsStore.Core.VhostUser;
using Xunit;

namespace VirtioFsStore.Core.Tests.VhostUser;

public sealed class ConfigurationSpaceTests
{
    [Fact]
    public void Tag_is_padded_and_followed_by_the_number_of_queues()
    {
        var space = new ConfigurationSpace("tag", 5);
        var bytes = new byte[44];

        Assert.True(space.TryRead(0, bytes));
        Assert.Equal("tag"u8, bytes.AsSpan(0, 3));
        Assert.All(bytes[3..36], value => Assert.Equal(0, value));
        Assert.Equal([5, 0, 0, 0, 0, 0, 0, 0], bytes[36..]);
    }

    [Fact]
    public void Tag_may_fill_its_36_bytes()
    {
        var bytes = new byte[4];

        Assert.True(new ConfigurationSpace(new string('x', 36), 1).TryRead(34, bytes));
        Assert.Equal([(byte)'x', (byte)'x', 1, 0], bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0123456789012345678901234567890123456")]
    [InlineData("äääääääääääääääääää")]
    public void Tag_of_another_length_is_refused(string tag) => Assert.Throws<ArgumentException>(() => new ConfigurationSpace(tag, 1));

    [Theory]
    [InlineData(256u, 1)]
    [InlineData(255u, 2)]
    [InlineData(uint.MaxValue, 1)]
    [InlineData(0u, 257)]
    public void Range_outside_of_the_space_is_not_read(uint offset, int size) =>
        Assert.False(new ConfigurationSpace("tag", 1).TryRead(offset, new byte[size]));
}
