using VirtioFsStore.Fuzz.Targets;
using Xunit;

namespace VirtioFsStore.Fuzz.Tests;

/// <summary>Each target from a fixed seed on, for a fixed number of iterations; eng/fuzz goes on where this ends.</summary>
public sealed class ShortRunTests
{
    const int Seed = 1;

    /// <summary>The differential target has tests of its own.</summary>
    public static TheoryData<string> Targets { get; } = [.. FuzzTargets.Names.Where(name => name != "differential")];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Nothing_is_found_in_a_short_run(string name)
    {
        using var target = FuzzTargets.Create(name)!;
        var run = new FuzzRun(target);

        run.Run(Seed, target.ShortRun);

        Assert.Equal(target.ShortRun, run.Iterations);
    }

    /// <summary>A fuzzer whose requests all end at the first check finds nothing and looks well.</summary>
    [Theory]
    [InlineData("fuse-directory")]
    [InlineData("fuse-image")]
    public void A_good_part_of_the_requests_reach_the_file_system_and_succeed(string name)
    {
        using var target = (FuseTarget)FuzzTargets.Create(name)!;

        new FuzzRun(target).Run(Seed, 20);

        Assert.InRange(target.Succeeded, target.Answered / 8, target.Answered);
    }

    [Fact]
    public void A_good_part_of_the_bent_indexes_are_taken_and_a_good_part_are_refused()
    {
        using var target = new IndexTarget();

        new FuzzRun(target).Run(Seed, 60);

        Assert.InRange(target.Taken, 60 / 8, 60 * 7 / 8);
    }

    [Fact]
    public void A_seed_that_fails_is_named()
    {
        using var target = new FailingTarget(at: Seed + 3, leaks: false);

        var failure = Assert.Throws<FuzzException>(() => new FuzzRun(target).Run(Seed, 10));

        Assert.Contains("failing, seed 4: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_descriptor_that_each_run_of_a_seed_leaves_open_is_found()
    {
        using var target = new FailingTarget(at: Seed + 3, leaks: true);

        var failure = Assert.Throws<FuzzException>(() => new FuzzRun(target).Run(Seed, 10));

        Assert.Contains("descriptors are left open", failure.Message, StringComparison.Ordinal);
    }

    sealed class FailingTarget(int at, bool leaks) : FuzzTarget
    {
        readonly List<IDisposable> _open = [];

        public override string Name => "failing";

        public override string Description => "";

        public override int ShortRun => 1;

        public override void Run(int seed)
        {
            if (seed < at)
                return;
            if (!leaks)
                throw new FuzzException("found");
            for (var i = 0; i < 20; i++)
                _open.Add(File.OpenHandle("/dev/null"));
        }

        protected override void Dispose(bool disposing)
        {
            _open.ForEach(one => one.Dispose());
            base.Dispose(disposing);
        }
    }
}
