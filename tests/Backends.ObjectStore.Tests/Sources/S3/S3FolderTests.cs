using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.ObjectStore.Sources.S3;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources.S3;

/// <summary>Against a real S3 service.</summary>
public sealed class S3FolderTests(ObjectStoreFixture store) : IClassFixture<ObjectStoreFixture>, IDisposable
{
    readonly AwsProfile _profile = new();

    readonly TemporaryDirectory _notes = new();

    public void Dispose()
    {
        _profile.Dispose();
        _notes.Dispose();
    }

    [RealServerFact]
    public async Task An_object_is_read_by_ranges()
    {
        await using var folder = await OpenAsync("images/web");
        var content = RandomNumberGenerator.GetBytes(300_000);
        await folder.PutAsync("blobs/a", new MemoryStream(content), content.Length, null, default);

        await using var source = await folder.OpenAsync("blobs/a", null, content.Length, default);

        foreach (var (offset, length) in new[] { (0, 1), (0, 300_000), (123_456, 70_000), (299_999, 1) })
        {
            var read = new byte[length];
            await source.ReadAsync(offset, read, default);
            Assert.Equal(content[offset..(offset + length)], read);
        }
    }

    [RealServerFact]
    public async Task What_is_not_known_of_an_object_is_asked_for()
    {
        await using var folder = await OpenAsync("");
        Assert.Null(await folder.FindAsync("a", default));

        await folder.PutAsync("a", new MemoryStream([1, 2, 3]), 3, null, default);

        Assert.Equal(3, await folder.FindAsync("a", default));
        await using var source = await folder.OpenAsync("a", null, null, default);
        Assert.Equal(3, source.Size);
    }

    [RealServerFact]
    public async Task An_object_that_is_removed_is_missing()
    {
        await using var folder = await OpenAsync("p");
        await folder.PutAsync("a", new MemoryStream([1]), 1, null, default);
        await folder.DeleteAsync("a", default);
        await folder.DeleteAsync("a", default);

        Assert.Null(await folder.FindAsync("a", default));
        var source = await folder.OpenAsync("a", null, 1, default);
        var failure = await Assert.ThrowsAsync<SourceException>(() => source.ReadAsync(0, new byte[1], default).AsTask());
        Assert.Equal(SourceFailure.Missing, failure.Failure);
        Assert.Contains("/p/a", failure.Message, StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task A_bucket_that_does_not_exist_is_named()
    {
        await using var folder = new S3Folder("nosuchbucket/p", await OptionsAsync(), new RemoteEndpoints());

        var failure = await Assert.ThrowsAsync<SourceException>(() => folder.PutAsync("a", new MemoryStream([1]), 1, null, default).AsTask());

        Assert.Equal(SourceFailure.Missing, failure.Failure);
        Assert.Contains("nosuchbucket", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no such bucket", failure.Message, StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task An_object_that_is_replaced_while_it_is_read_is_not_read_on()
    {
        await using var folder = await OpenAsync("p");
        await folder.PutAsync("a", new MemoryStream([1, 2, 3, 4]), 4, null, default);
        await using var source = await folder.OpenAsync("a", null, 4, default);
        await source.ReadAsync(0, new byte[2], default);

        await folder.PutAsync("a", new MemoryStream([5, 6, 7, 8]), 4, null, default);

        var failure = await Assert.ThrowsAsync<SourceException>(() => source.ReadAsync(2, new byte[2], default).AsTask());
        Assert.Equal(SourceFailure.Changed, failure.Failure);
    }

    [RealServerFact]
    public async Task An_object_of_another_size_than_was_said_is_not_read()
    {
        await using var folder = await OpenAsync("p");
        await folder.PutAsync("a", new MemoryStream([1, 2, 3, 4]), 4, null, default);
        var digest = Digest.Sha256([1, 2, 3]);
        await using var source = await folder.OpenAsync("a", digest, 3, default);

        var failure = await Assert.ThrowsAsync<SourceException>(() => source.ReadAsync(0, new byte[3], default).AsTask());

        Assert.Equal(SourceFailure.Changed, failure.Failure);
        Assert.Contains("4 bytes, not 3", failure.Message, StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task A_large_object_is_uploaded_in_parts()
    {
        await using var folder = await OpenAsync("p");
        var content = RandomNumberGenerator.GetBytes((2 * S3Upload.LeastPart) + 12_345);
        var progress = new List<long>();

        await folder.PutAsync("a", new MemoryStream(content), content.Length, progress.Add, default);

        Assert.Equal(content.Length, await folder.FindAsync("a", default));
        Assert.Equal(content, await ReadAllAsync(folder, "a", content.Length));
        Assert.Equal(progress.Order(), progress);
        Assert.Equal(content.Length, progress[^1]);
    }

    [RealServerFact]
    public async Task An_upload_that_broke_off_goes_on_with_the_parts_that_are_there()
    {
        await using var proxy = FaultServer.Forward((await store.ServerAsync()).Endpoint);
        await using var folder = await OpenAsync("p", proxy.Url);
        var content = RandomNumberGenerator.GetBytes(4 * S3Upload.LeastPart);
        var broken = new BrokenStream(content, 3 * S3Upload.LeastPart);
        await Assert.ThrowsAsync<SourceException>(() => folder.PutAsync("a", broken, content.Length, null, default).AsTask());
        Assert.Null(await folder.FindAsync("a", default));
        Assert.Equal([1, 2, 3], PartsSent(proxy));

        var progress = new List<long>();
        await folder.PutAsync("a", new MemoryStream(content), content.Length, progress.Add, default);

        Assert.Equal([1, 2, 3, 4], PartsSent(proxy));
        // What was there is told before anything is sent.
        Assert.Equal((3 * S3Upload.LeastPart, content.Length), (progress[0], progress[^1]));
        Assert.Empty(Directory.GetFiles(_notes["uploads"]));
        Assert.Equal(content, await ReadAllAsync(folder, "a", content.Length));
    }

    [RealServerFact]
    public async Task Parts_of_other_content_are_sent_again()
    {
        await using var proxy = FaultServer.Forward((await store.ServerAsync()).Endpoint);
        await using var folder = await OpenAsync("p", proxy.Url);
        var content = RandomNumberGenerator.GetBytes(3 * S3Upload.LeastPart);
        var damaged = content.ToArray();
        damaged[S3Upload.LeastPart + 1] ^= 1;
        await Assert.ThrowsAsync<SourceException>(() => folder.PutAsync("a", new BrokenStream(damaged, 2 * S3Upload.LeastPart), content.Length, null, default).AsTask());

        await folder.PutAsync("a", new MemoryStream(content), content.Length, null, default);

        Assert.Equal([1, 2, 2, 3], PartsSent(proxy).Order());
        Assert.Equal(content, await ReadAllAsync(folder, "a", content.Length));
    }

    [RealServerFact]
    public async Task An_upload_that_the_service_has_forgotten_begins_anew()
    {
        await using var folder = await OpenAsync("p");
        var content = RandomNumberGenerator.GetBytes(2 * S3Upload.LeastPart);
        await Assert.ThrowsAsync<SourceException>(() => folder.PutAsync("a", new BrokenStream(content, S3Upload.LeastPart), content.Length, null, default).AsTask());
        var notes = Assert.Single(Directory.GetFiles(_notes["uploads"]));
        await File.WriteAllLinesAsync(notes, (await File.ReadAllLinesAsync(notes)).Select((line, i) => i == 0 ? "2~nosuchupload" : line));
        var failure = await Assert.ThrowsAsync<SourceException>(() => folder.PutAsync("a", new MemoryStream(content), content.Length, null, default).AsTask());
        Assert.Equal(SourceFailure.Transient, failure.Failure);

        await folder.PutAsync("a", new MemoryStream(content), content.Length, null, default);

        Assert.Equal(content, await ReadAllAsync(folder, "a", content.Length));
    }

    [RealServerFact]
    public async Task An_upload_that_cannot_be_noted_is_one()
    {
        var told = new List<string>();
        await File.WriteAllTextAsync(_notes["uploads"], "a file");
        await using var folder = new S3Folder($"{await store.CreateBucketAsync()}/p", await OptionsAsync(), new RemoteEndpoints(options: new() { Warned = told.Add }));
        var content = RandomNumberGenerator.GetBytes(2 * S3Upload.LeastPart);

        await folder.PutAsync("a", new MemoryStream(content), content.Length, null, default);

        Assert.Equal(content, await ReadAllAsync(folder, "a", content.Length));
        Assert.Contains("/p/a is not noted", Assert.Single(told), StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task A_change_that_comes_between_is_kept()
    {
        await using var folder = await OpenAsync("p");
        await using var other = new S3Folder(folder.Name["s3://".Length..], await OptionsAsync(), new RemoteEndpoints());
        var between = new Queue<byte>([10, 11]);

        // Once before there is a list, once into it.
        foreach (byte mine in new[] { 1, 2 })
        {
            await folder.UpdateAsync("list", 100, before =>
            {
                if (between.TryPeek(out var next) && next - 9 == mine) Add(other, between.Dequeue());
                return With(before, mine);
            }, default);
        }

        Assert.Equal([10, 1, 11, 2], await ReadAllAsync(folder, "list", 4));

        static void Add(S3Folder folder, byte value) => folder.UpdateAsync("list", 100, before => With(before, value), default).AsTask().GetAwaiter().GetResult();

        static byte[]? With(byte[]? before, byte value) => before is not null && before.Contains(value) ? null : [.. before ?? [], value];
    }

    [RealServerFact]
    public async Task What_is_too_large_to_be_changed_is_left_alone()
    {
        await using var folder = await OpenAsync("p");
        await folder.PutAsync("list", new MemoryStream(new byte[11]), 11, null, default);

        var failure = await Assert.ThrowsAsync<SourceException>(() => folder.UpdateAsync("list", 10, _ => [1], default).AsTask());

        Assert.Contains("more than the 10", failure.Message, StringComparison.Ordinal);
        Assert.Equal(11, await folder.FindAsync("list", default));
    }

    [RealServerFact]
    public async Task Wrong_credentials_are_refused_with_a_hint()
    {
        _profile.Change(ObjectStoreServer.AccessKey, "wrong");
        await using var folder = await OpenAsync("p");

        var failure = await Assert.ThrowsAsync<SourceException>(() => folder.PutAsync("a", new MemoryStream([1]), 1, null, default).AsTask());

        Assert.Equal(SourceFailure.Refused, failure.Failure);
        Assert.Contains("403", failure.Message, StringComparison.Ordinal);
        Assert.Contains("credentials", failure.Message, StringComparison.Ordinal);
    }

    [RealServerFact]
    public async Task Credentials_that_change_while_it_runs_are_read_anew()
    {
        _profile.Change(ObjectStoreServer.AccessKey, "stale");
        await using var folder = await OpenAsync("p");
        await Assert.ThrowsAsync<SourceException>(() => folder.FindAsync("a", default).AsTask());

        _profile.Change(ObjectStoreServer.AccessKey, ObjectStoreServer.SecretKey);

        Assert.Null(await folder.FindAsync("a", default));
    }

    async Task<RemoteOptions> OptionsAsync(Uri? endpoint = null) => new()
    {
        S3 = new S3Options { Endpoint = (endpoint ?? (await store.ServerAsync()).Endpoint).ToString(), Profile = _profile.Name, UploadNotes = _notes["uploads"] },
    };

    async Task<S3Folder> OpenAsync(string prefix, Uri? endpoint = null) =>
        new(await store.CreateBucketAsync() + (prefix.Length > 0 ? $"/{prefix}" : ""), await OptionsAsync(endpoint), new RemoteEndpoints());

    static async Task<byte[]> ReadAllAsync(S3Folder folder, string key, long size)
    {
        await using var source = await folder.OpenAsync(key, null, size, default);
        var content = new byte[size];
        await source.ReadAsync(0, content, default);
        return content;
    }

    static IEnumerable<int> PartsSent(FaultServer proxy) =>
        from request in proxy.Requests
        where request.Method == "PUT"
        let query = System.Web.HttpUtility.ParseQueryString(request.Query)
        where query["partNumber"] is not null
        select int.Parse(query["partNumber"]!, System.Globalization.CultureInfo.InvariantCulture);
}
