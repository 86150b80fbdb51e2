using System.Buffers.Binary;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Keeping;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What the next keeper knows of the images that servers have from the one before.</summary>
public sealed class KeeperHandOverTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_notes_its_use_on_for_the_next_keeper(bool isElsewhere)
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["one"] = new byte[100_000], ["two"] = new byte[100_000] });
        var store = StoreDirectory.Open(_directory["store"]);
        var request = new ImageRequest(ImageReference.Parse($"oci:{_directory["image"]}:latest"), Platform.Current);
        var keepers = Enumerable.Range(0, 3).Select(_ => new StoreKeeper(store, NullLogger.Instance)).ToArray();
        await keepers[0].WorkAsync(new CacheWork(CacheWorkKind.Count), _ => { }, default);
        await using var image = await keepers[1].OpenImageAsync(request, null, default);
        using var files = image.Files;
        var pieces = (await image.CountAsync(default)).Pieces;
        using var server = new UseMapWriter(files.Descriptors[^1].Value, pieces);

        // The next is the one that has it open, or another that is asked first.
        await keepers[0].DisposeAsync();
        await keepers[isElsewhere ? 2 : 1].WorkAsync(new CacheWork(CacheWorkKind.Count), _ => { }, default);
        _ = await image.CountAsync(default);
        server.Touch(1, 1);
        await keepers[1].WorkAsync(new CacheWork(CacheWorkKind.Collect), _ => { }, default);

        var used = await File.ReadAllBytesAsync(Directory.GetFiles(store.Root, "used", SearchOption.AllDirectories).Single());
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(used));
        Assert.NotEqual(0u, BinaryPrimitives.ReadUInt32LittleEndian(used.AsSpan(sizeof(uint))));
        await keepers[1].DisposeAsync();
        await keepers[2].DisposeAsync();
    }
}
