using VirtioFsStore.Core.Mounts;
using Xunit;

namespace VirtioFsStore.Core.Tests.Mounts;

/// <summary>The table answers as a dictionary does.</summary>
public sealed class IdTableTests
{
    [Fact]
    public void Finds_what_was_put_in_and_not_taken_out()
    {
        var random = new Random(4);
        var expected = new Dictionary<ulong, string>();
        var table = IdTable<string>.Empty;
        for (var step = 0; step < 2000; step++)
        {
            // Few different low bits, so that places collide.
            var id = (ulong)random.NextInt64(8) + ((ulong)random.NextInt64(16) << 40);
            if (expected.Remove(id))
            {
                table = table.Without(id);
            }
            else
            {
                expected.Add(id, $"{id}");
                table = table.With((id, $"{id}"));
            }

            Assert.Equal(expected.Count, table.Count);
            for (var low = 0UL; low < 8; low++)
            {
                for (var high = 0UL; high < 16; high++)
                    Assert.Equal(expected.GetValueOrDefault(low | high << 40), table.Find(low | high << 40));
            }
        }
        Assert.Equal(expected.Values.Order(), table.Values.Order());
    }

    [Fact]
    public void A_changed_table_leaves_the_old_one_as_it_was()
    {
        var before = IdTable<string>.Empty.With((1UL, "one"));

        _ = before.With((2UL, "two")).Without(1);

        Assert.Equal(("one", (string?)null), (before.Find(1), before.Find(2)));
    }
}
