using VirtioFsStore.Backends.Local.Translation;

namespace VirtioFsStore.Backends.Local.Tests.Translation;

/// <summary>The rules of virtiofsd's --translate-uid and --translate-gid.</summary>
public sealed class IdTranslationTests
{
    static uint? ToHost(IdTranslation translation, uint id) => translation.TryToHost(id, out var host) ? host : null;

    [Fact]
    public void Without_rules_ids_are_the_same_on_both_sides()
    {
        var none = IdTranslation.Parse([]);

        Assert.All(new[] { 0u, 1000u, uint.MaxValue - 1, uint.MaxValue }, id => Assert.Equal((id, id), (ToHost(none, id), none.ToGuest(id))));
    }

    [Theory]
    [InlineData("guest:0:100000:1000", 0, 100000u)]
    [InlineData("guest:0:100000:1000", 999, 100999u)]
    [InlineData("guest:0:100000:1000", 1000, 1000u)]
    [InlineData("squash-guest:0:107:4294967295", 4294967294, 107u)]
    [InlineData("squash-guest:0:107:4294967295", 4294967295, 4294967295u)]
    [InlineData("forbid-guest:5:2", 4, 4u)]
    [InlineData("forbid-guest:5:2", 5, null)]
    [InlineData("forbid-guest:5:2", 6, null)]
    [InlineData("forbid-guest:5:2", 7, 7u)]
    [InlineData("map:10:20:5", 14, 24u)]
    [InlineData("host:10:20:5", 20, 20u)]
    [InlineData("squash-host:0:7:10", 7, 7u)]
    [InlineData("GUEST/1/2/1", 1, 2u)]
    [InlineData("guest:0:5:0", 0, 0u)]
    public void To_the_host(string rule, uint guest, uint? host) => Assert.Equal(host, ToHost(IdTranslation.Parse([rule]), guest));

    [Theory]
    [InlineData("host:100000:0:1000", 100999, 999u)]
    [InlineData("host:100000:0:1000", 101000, 101000u)]
    [InlineData("squash-host:0:1000:65536", 65535, 1000u)]
    [InlineData("map:10:20:5", 24, 14u)]
    [InlineData("guest:10:20:5", 20, 20u)]
    [InlineData("forbid-guest:5:2", 5, 5u)]
    public void To_the_guest(string rule, uint host, uint guest) => Assert.Equal(guest, IdTranslation.Parse([rule]).ToGuest(host));

    [Fact]
    public void Many_rules_in_any_order_are_found()
    {
        var order = Enumerable.Range(0, 100).Select(i => (uint)(i * 37 % 100)).ToArray();
        var translation = IdTranslation.Parse(order.Select(i => $"map:{i * 10}:{100_000 + i * 20}:5"));

        for (var id = 0u; id < 1000; id++)
        {
            var expected = id % 10 < 5 ? 100_000 + id / 10 * 20 + id % 10 : id;
            Assert.Equal(expected, ToHost(translation, id));
            Assert.Equal(id, translation.ToGuest(expected));
        }
    }

    [Theory]
    [InlineData("map:0:1", "has 2 numbers")]
    [InlineData("forbid-guest:0:1:2", "has 3 numbers")]
    [InlineData("map:0:1:2:3", "has 4 numbers")]
    [InlineData("move:0:1:2", "no type")]
    [InlineData("map", "no rule")]
    [InlineData("map:0:-1:2", "'-1'")]
    [InlineData("map:0:1:4294967296", "'4294967296'")]
    [InlineData("map:0:/1:2", "'/1'")]
    [InlineData("guest:1:0:4294967295", "beyond")]
    [InlineData("guest:0:1:4294967295", "beyond")]
    [InlineData("map:0:100:10 guest:9:500:1", "earlier rule")]
    [InlineData("map:0:100:10 host:105:0:1", "earlier rule")]
    [InlineData("squash-guest:5:0:10 forbid-guest:0:6", "earlier rule")]
    public void Rules_that_make_no_sense_are_refused(string rules, string reason) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => IdTranslation.Parse(rules.Split(' '))).Message, StringComparison.Ordinal);
}
