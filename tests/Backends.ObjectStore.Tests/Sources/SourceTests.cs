using VirtioFsStore.Backends.ObjectStore.Sources;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources;

public sealed class SourceTests : IDisposable
{
    readonly string _layout = Directory.CreateTempSubdirectory("vfs-source").FullName;

    public void Dispose() => Directory.Delete(_layout, recursive: true);

    string Put(Digest digest, byte[] data)
    {
        var path = Path.Combine(_layout, "blobs", digest.Algorithm, digest.Hex);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, data);
        return path;
    }

    ValueTask<IRangeSource> OpenAsync(Digest digest) =>
        new DirectoryFolder(_layout).OpenAsync($"blobs/{digest.Algorithm}/{digest.Hex}", digest, null, default);

    [Fact]
    public async Task A_blob_is_read_by_ranges_up_to_its_end()
    {
        var digest = Digest.Sha256("0123456789"u8);
        Put(digest, "0123456789"u8.ToArray());
        await using var blob = await OpenAsync(digest);
        var buffer = new byte[20];
        Assert.Equal(10, blob.Size);
        Assert.Equal(digest, blob.Identity.Digest);
        await using (var range = await blob.OpenAsync(3, 5, default))
        {
            Assert.Equal(5, await range.ReadAsync(buffer));
            Assert.Equal(0, await range.ReadAsync(buffer));
        }
        Assert.Equal("34567"u8, buffer.AsSpan(0, 5));
        await blob.ReadAsync(7, buffer.AsMemory(0, 3), default);
        Assert.Equal("789"u8, buffer.AsSpan(0, 3));
        await Assert.ThrowsAsync<SourceException>(async () => await blob.ReadAsync(7, buffer.AsMemory(0, 4), default));
    }

    [Fact]
    public async Task A_blob_that_is_not_there_is_named_in_the_error()
    {
        var digest = Digest.Sha256("x"u8);
        var error = await Assert.ThrowsAsync<SourceException>(async () => await OpenAsync(digest));
        Assert.Contains(digest.Hex, error.Message, StringComparison.Ordinal);
        Assert.Equal(SourceFailure.Missing, error.Failure);
    }

    [Fact]
    public void A_directory_is_no_source() =>
        Assert.Contains("directory", Assert.Throws<SourceException>(() => FileRangeSource.Open(_layout, default)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_fifo_neither_hangs_nor_opens()
    {
        var path = Path.Combine(_layout, "fifo");
        using var mkfifo = System.Diagnostics.Process.Start("mkfifo", path);
        mkfifo.WaitForExit();
        Assert.Throws<SourceException>(() => FileRangeSource.Open(path, default));
    }

    [Fact]
    public async Task A_cancelled_read_does_not_begin()
    {
        var digest = Digest.Sha256("x"u8);
        Put(digest, "x"u8.ToArray());
        await using var blob = await OpenAsync(digest);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await blob.ReadAsync(0, new byte[1], new CancellationToken(true)));
    }
}
