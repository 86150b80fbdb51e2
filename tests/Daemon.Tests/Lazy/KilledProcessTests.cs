using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>kill -9 of each process while a cache is filled: whoever starts again, or goes on, on the same store reads the right bytes.</summary>
public sealed class KilledProcessTests(RemotePlaces places) : IClassFixture<RemotePlaces>
{
    const string InOffice = "this process is the keeper of the store";
    const int Reads = 24;

    [RealServerFact]
    public Task A_server_that_is_killed_while_it_waits_for_pieces_leaves_a_store_that_is_right() => KillAsync((_, server) =>
    {
        ServerProcesses.Signal(ServerProcesses.Of(server), "KILL");
        Assert.True(server.WaitForExit(LazySetup.Wait), server.ErrorText);
        Assert.Equal(1, server.ExitCode);
        Assert.Single(Regex.Matches(server.ErrorText, "the server was ended by signal 9"));
    });

    [RealServerFact]
    public Task A_parent_that_is_killed_while_it_fetches_takes_its_server_with_it_and_leaves_a_store_that_is_right() => KillAsync((_, server) =>
    {
        var child = ServerProcesses.Of(server);
        server.Kill();
        Assert.True(server.WaitForExit(LazySetup.Wait));
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{child}"), LazySetup.Wait));
    });

    [RealServerFact]
    public async Task A_keeper_that_is_killed_while_it_fetches_is_replaced_and_all_reads_are_right()
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Registry);
        for (var round = 0; round < Rounds.Of(2); round++)
        {
            Empty(setup);
            using var keeper = ChildProcess.Start(Daemon.Program, ["keeper", "--store", setup.Store], readyText: InOffice);
            using var server = setup.Serve();
            Survive(setup, round, server, keeper, "vfs");
        }
    }

    [RealServerFact]
    public async Task A_server_that_is_the_keeper_for_others_is_killed_and_the_others_go_on()
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Bucket);
        for (var round = 0; round < Rounds.Of(2); round++)
        {
            Empty(setup);
            using var keeper = setup.Serve("first");
            using var server = setup.Serve("second");
            using var machine = setup.Boot("first");
            // It serves a guest of its own at the time.
            _ = new RandomReads(machine, places.Image, new Random(round), Reads);
            Survive(setup, round, server, keeper, "second");
        }
    }

    /// <summary>Whoever is asked for pieces dies, and the guest of another process notices nothing.</summary>
    void Survive(LazySetup setup, int round, ChildProcess server, ChildProcess keeper, string name)
    {
        var random = new Random(round);
        using var machine = setup.Boot(name);
        var reads = new RandomReads(machine, places.Image, random, Reads);
        reads.Take(random.Next(Reads / 2));
        keeper.Kill();
        Assert.True(keeper.WaitForExit(LazySetup.Wait));
        reads.TakeAll();
        setup.AssertAllRight(machine.Fuse);

        Assert.True(reads.Failures == 0, $"{reads.Failures} reads failed in round {round}. The server wrote: {server.ErrorText}");
        Assert.True(SpinWait.SpinUntil(() => server.ErrorText.Contains(InOffice, StringComparison.Ordinal), LazySetup.Wait), server.ErrorText);
        var told = Regex.Count(server.ErrorText, "the keeper of the store .* has ended");
        Assert.True(told == 1, $"It was told {told} times. The server wrote: {server.ErrorText}");
    }

    async Task KillAsync(Action<LazySetup, ChildProcess> kill)
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Registry);
        for (var round = 0; round < Rounds.Of(2); round++)
        {
            var random = new Random(round);
            Empty(setup);
            using (var server = setup.Serve())
            {
                using var machine = setup.Boot();
                var reads = new RandomReads(machine, places.Image, random, Reads);
                reads.Take(random.Next(Reads / 2));
                Assert.Equal(0, reads.Failures);
                kill(setup, server);
            }
            using var again = setup.Serve();
            using var guest = setup.Boot();
            setup.AssertAllRight(guest.Fuse);
        }
    }

    static void Empty(LazySetup setup)
    {
        var (code, output, error) = Daemon.Run("cache", "gc", "--keep", "0", "--store", setup.Store);
        Assert.True(code == 0, output + error);
    }
}
