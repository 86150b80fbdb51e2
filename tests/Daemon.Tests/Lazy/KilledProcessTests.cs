using System.Text.RegularExpressions;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>kill -9 of each process while a cache is filled: whoever starts again, or goes on, on the same store reads the right bytes.</summary>
public sealed class KilledProcessTests(RemotePlaces places) : IClassFixture<RemotePlaces>
{
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
            using var keeper = ChildProcess.Start(Daemon.Program, ["keeper", "--store", setup.Store], readyText: ActivatedKeeper.InOffice);
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
            // It serves a guest of its own at the time.
            using var own = setup.Boot("first");
            Survive(setup, round, server, keeper, "second", own);
        }
    }

    [RealServerFact]
    public async Task A_server_that_was_the_keeper_reads_on_when_a_service_takes_its_place()
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Registry);
        Empty(setup);
        using var server = setup.Serve();
        using var machine = setup.Boot();
        var release = new TaskCompletionSource();
        var asked = setup.Proxy.Requests.Count;
        setup.Proxy.Inject(new Fault { HoldUntil = release.Task }, int.MaxValue);
        var reads = new RandomReads(machine, places.Image, new Random(1), Reads);
        Assert.True(setup.Proxy.WaitForRequestsAsync(asked + 1).Wait(LazySetup.Wait), "Nothing was asked for.");

        using var listener = ActivatedKeeper.Listen(setup.Store);
        using var keeper = ActivatedKeeper.Start(setup.Store, listener, setup.Environment);
        setup.Proxy.Heal();
        release.SetResult();

        reads.TakeAll();
        Assert.True(reads.Failures == 0, $"{reads.Failures} reads failed. The server wrote: {server.ErrorText} The keeper wrote: {keeper.ErrorText}");
        setup.AssertAllRight(machine.Fuse);
    }

    /// <summary>Whoever is asked for pieces dies, and the guest of another process notices nothing.</summary>
    void Survive(LazySetup setup, int round, ChildProcess server, ChildProcess keeper, string name, VirtualMachine? own = null)
    {
        var random = new Random(round);
        using var machine = setup.Boot(name);
        // In every other round nothing has come when it dies, so that all has to come from the next one.
        var release = new TaskCompletionSource();
        var isHeld = round % 2 == 0;
        if (isHeld)
            setup.Proxy.Inject(new Fault { HoldUntil = release.Task }, int.MaxValue);
        // One read that is held leaves most of the image, and of the requests, to the other guest.
        if (own is not null)
            _ = Post(own, isHeld ? 1 : Reads);
        var reads = Post(machine, Reads);
        if (!isHeld)
            reads.Take(random.Next(Reads / 2));
        keeper.Kill();
        Assert.True(keeper.WaitForExit(LazySetup.Wait));
        setup.Proxy.Heal();
        release.SetResult();
        reads.TakeAll();
        setup.AssertAllRight(machine.Fuse);

        Assert.True(reads.Failures == 0, $"{reads.Failures} reads failed in round {round}. The server wrote: {server.ErrorText}");
        Assert.True(SpinWait.SpinUntil(() => server.ErrorText.Contains(ActivatedKeeper.InOffice, StringComparison.Ordinal), LazySetup.Wait), server.ErrorText);
        var told = Regex.Count(server.ErrorText, "the keeper of the store .* has ended");
        Assert.True(told == 1, $"It was told {told} times. The server wrote: {server.ErrorText}");

        RandomReads Post(VirtualMachine guest, int count)
        {
            var asked = setup.Proxy.Requests.Count;
            var posted = new RandomReads(guest, places.Image, random, count);
            if (isHeld)
                Assert.True(setup.Proxy.WaitForRequestsAsync(asked + 1).Wait(LazySetup.Wait), "Nothing was asked for.");
            return posted;
        }
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

    /// <summary>The first round finds no store.</summary>
    static void Empty(LazySetup setup)
    {
        if (!Directory.Exists(setup.Store))
            return;
        var (code, output, error) = Daemon.Run("cache", "gc", "--keep", "0", "--store", setup.Store);
        Assert.True(code == 0, output + error);
    }
}
