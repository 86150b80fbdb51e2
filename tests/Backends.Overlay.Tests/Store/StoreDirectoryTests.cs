using System.Diagnostics;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Store;

public sealed class StoreDirectoryTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vfs-store").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    StoreDirectory Store() => StoreDirectory.Open(_folder);

    string Destination => Path.Combine(_folder, "things-v1", "a", "thing");

    string[] Unfinished => Directory.GetFileSystemEntries(Path.Combine(_folder, "tmp"));

    static ValueTask WriteFolder(string path, CancellationToken cancellation)
    {
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "file"), "content");
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void The_default_is_the_systems_for_root_and_a_cache_for_others()
    {
        static Func<string, string?> Environment(string? cache, string? home) => name => name == "HOME" ? home : name == "XDG_CACHE_HOME" ? cache : null;
        Assert.Equal("/var/lib/virtiofs-store", StoreDirectory.DefaultPath(true, Environment("/cache", "/home/u")));
        Assert.Equal("/cache/virtiofs-store", StoreDirectory.DefaultPath(false, Environment("/cache", "/home/u")));
        Assert.Equal("/home/u/.cache/virtiofs-store", StoreDirectory.DefaultPath(false, Environment(null, "/home/u")));
        Assert.Equal("/home/u/.cache/virtiofs-store", StoreDirectory.DefaultPath(false, Environment("relative", "/home/u")));
        var error = Assert.Throws<ImageException>(() => StoreDirectory.DefaultPath(false, Environment(null, "")));
        Assert.Contains("--store", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_is_its_owners_alone()
    {
        Directory.Delete(_folder);
        Store();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder));
    }

    [Fact]
    public void A_store_that_cannot_be_made_says_what_to_do()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        var error = Assert.Throws<ImageException>(() => StoreDirectory.Open(Path.Combine(_folder, "file", "store")));
        Assert.Contains("--store", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_many_want_at_once_is_built_by_one()
    {
        var built = 0;
        using var gate = new SemaphoreSlim(0);
        var waiting = Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await Store().EnsureAsync("thing", Destination, async (path, stop) =>
        {
            Interlocked.Increment(ref built);
            await gate.WaitAsync(stop);
            await WriteFolder(path, stop);
        }, default))).ToList();
        gate.Release();
        var results = await Task.WhenAll(waiting);
        Assert.Equal(1, built);
        Assert.Single(results, made => made);
        Assert.Equal("content", await File.ReadAllTextAsync(Path.Combine(Destination, "file")));
        Assert.Empty(Unfinished);
    }

    [Fact]
    public async Task A_single_file_can_be_built_too()
    {
        Assert.True(await Store().EnsureAsync("thing", Destination, (path, _) =>
        {
            File.WriteAllText(path, "x");
            return ValueTask.CompletedTask;
        }, default));
        Assert.Equal("x", await File.ReadAllTextAsync(Destination));
    }

    [Fact]
    public async Task A_build_that_fails_leaves_nothing_and_the_next_one_succeeds()
    {
        await Assert.ThrowsAsync<ImageException>(async () => await Store().EnsureAsync("thing", Destination, async (path, stop) =>
        {
            await WriteFolder(path, stop);
            throw new ImageException("bad");
        }, default));
        Assert.False(Path.Exists(Destination));
        Assert.Empty(Unfinished);
        Assert.True(await Store().EnsureAsync("thing", Destination, WriteFolder, default));
    }

    [Fact]
    public async Task Another_process_that_builds_is_waited_for()
    {
        var store = Store();
        var ready = Path.Combine(_folder, "ready");
        using var other = Start($"flock {_folder}/locks/thing sh -c 'touch {ready}; read line; mkdir -p {Destination}'");
        await AppearsAsync(ready);
        var ensuring = Task.Run(async () => await store.EnsureAsync("thing", Destination, (_, _) => throw new InvalidOperationException("built twice"), default));
        await other.StandardInput.WriteLineAsync("go on");
        Assert.False(await ensuring);
        await other.WaitForExitAsync();
    }

    [Fact]
    public async Task A_builder_that_was_killed_leaves_nothing_in_the_way()
    {
        var store = Store();
        var ready = Path.Combine(_folder, "ready");
        // exec, so that the lock's holder is the very process that is killed.
        using var other = Start($"exec 9>{_folder}/locks/thing; flock 9; mkdir -p {_folder}/tmp/thing; echo half > {_folder}/tmp/thing/half; touch {ready}; exec cat");
        await AppearsAsync(ready);
        var ensuring = Task.Run(async () => await store.EnsureAsync("thing", Destination, WriteFolder, default));
        other.Kill();
        Assert.True(await ensuring);
        Assert.Equal(["file"], Directory.GetFiles(Destination).Select(Path.GetFileName));
        Assert.Empty(Unfinished);
    }

    [Fact]
    public async Task Waiting_for_another_builder_can_be_given_up()
    {
        var store = Store();
        var ready = Path.Combine(_folder, "ready");
        using var other = Start($"flock {_folder}/locks/thing sh -c 'touch {ready}; read line'");
        await AppearsAsync(ready);
        using var stop = new CancellationTokenSource();
        var ensuring = store.EnsureAsync("thing", Destination, WriteFolder, stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ensuring);
        await other.StandardInput.WriteLineAsync("go on");
        await other.WaitForExitAsync();
        // The lock that nobody wants any more is let go.
        Assert.True(await store.EnsureAsync("thing", Destination, WriteFolder, default));
    }

    [Fact]
    public async Task Unfinished_things_are_removed_unless_someone_builds_them()
    {
        Store();
        foreach (var name in (string[])["dead", "alive"])
        {
            Directory.CreateDirectory(Path.Combine(_folder, "tmp", name));
            await File.WriteAllTextAsync(Path.Combine(_folder, "tmp", name, "half"), "");
        }

        var ready = Path.Combine(_folder, "ready");
        using (var other = Start($"flock {_folder}/locks/alive sh -c 'touch {ready}; read line'"))
        {
            await AppearsAsync(ready);
            Store();
            Assert.Equal(["alive"], Unfinished.Select(Path.GetFileName));
            await other.StandardInput.WriteLineAsync("go on");
            await other.WaitForExitAsync();
        }

        Store();
        Assert.Empty(Unfinished);
    }

    [SmallDisk.Fact]
    public void A_store_that_is_read_only_says_what_to_do()
    {
        using var disk = new SmallDisk("64k");
        StoreDirectory.Open(disk.Path).TryLock("keeper")!.Dispose();
        File.WriteAllText(Path.Combine(disk.Path, "tmp", "keeper"), "what a crash left");
        disk.MakeReadOnly();

        var store = StoreDirectory.Open(disk.Path);
        var error = Assert.Throws<ImageException>(() => store.TryLock("keeper"));

        Assert.Contains("(EROFS); name another folder with --store", error.Message, StringComparison.Ordinal);
    }

    static Process Start(string script) => Process.Start(new ProcessStartInfo("sh", ["-c", script]) { RedirectStandardInput = true })!;

    static async Task AppearsAsync(string path)
    {
        using var watcher = new FileSystemWatcher(Path.GetDirectoryName(path)!, Path.GetFileName(path));
        var appeared = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watcher.Created += (_, _) => appeared.TrySetResult();
        watcher.EnableRaisingEvents = true;
        if (!File.Exists(path)) await appeared.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }
}
