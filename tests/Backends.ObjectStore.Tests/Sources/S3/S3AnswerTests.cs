using System.Text;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.ObjectStore.Sources.S3;
using VirtioFsStore.FaultProxy;
using VirtioFsStore.RealServers;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources.S3;

/// <summary>What servers answer that break, lie, or are not S3 services at all.</summary>
public sealed class S3AnswerTests : IAsyncDisposable
{
    static readonly byte[] s_content = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];

    readonly AwsProfile _profile = new("key", "secret");
    readonly FaultServer _server = FaultServer.Serve(request => ProxyAnswer.OfContent(request, s_content, "\"one\""));

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _profile.Dispose();
    }

    public static TheoryData<string, int, string, SourceFailure, string> Refusals => new()
    {
        { "NoSuchKey", 404, "", SourceFailure.Missing, "no such object" },
        { "NoSuchBucket", 404, "", SourceFailure.Missing, "no such bucket" },
        { "AccessDenied", 403, "Access Denied", SourceFailure.Refused, "403, AccessDenied: Access Denied" },
        { "ExpiredToken", 400, "The provided token has expired.", SourceFailure.Refused, "ExpiredToken" },
        { "PreconditionFailed", 412, "", SourceFailure.Changed, "changed meanwhile" },
        { "InvalidRange", 416, "", SourceFailure.Changed, "shorter" },
        { "PermanentRedirect", 301, "", SourceFailure.Permanent, "--s3-region" },
        { "AuthorizationHeaderMalformed", 400, "the region 'us-east-1' is wrong; expecting 'eu-west-1'", SourceFailure.Permanent, "expecting 'eu-west-1'" },
        { "MethodNotAllowed", 405, "", SourceFailure.Permanent, "405" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task An_error_is_told_as_what_it_is_and_not_asked_again(string code, int status, string text, SourceFailure expected, string told)
    {
        _server.Inject(Error(status, code, text), int.MaxValue);

        var failure = await FailAsync();

        Assert.Equal(expected, failure.Failure);
        Assert.Contains(told, failure.Message, StringComparison.Ordinal);
        Assert.Contains("s3://bucket/prefix/key", failure.Message, StringComparison.Ordinal);
        Assert.Single(_server.Requests);
    }

    public static TheoryData<string, Fault> Passing => new()
    {
        { "500", Error(500, "InternalError", "") },
        { "503", Error(503, "SlowDown", "Reduce your request rate.") },
        { "429", Error(429, "TooManyRequests", "") },
        { "not XML", new Fault { Status = 502, Body = "<html>Bad gateway"u8.ToArray() } },
        { "reset before the head", new Fault { ResetAfter = -1 } },
        { "reset in the body", new Fault { ResetAfter = 100 } },
        { "cut", new Fault { CutAfter = 100 } },
        { "no Content-Range", Fault.Header("Content-Range", null) },
        { "another range", Fault.Header("Content-Range", "bytes 0-9/1000") },
        { "a longer range", Fault.Header("Content-Range", "bytes 200-999/1000") },
        { "no numbers", Fault.Header("Content-Range", "bytes one-two/many") },
        { "the whole", new Fault { IgnoreRange = true } },
    };

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task What_may_pass_is_overcome(string _, Fault fault)
    {
        _server.Inject(fault);

        Assert.Equal(s_content[200..500], await ReadAsync(200, 300));
    }

    [Fact]
    public async Task A_service_that_asks_for_patience_is_left_alone_for_so_long()
    {
        // Longer than a read waits, so that none does: a read that waits less might be over before the answer comes.
        var asked = TimeSpan.FromHours(1);
        var error = Error(503, "SlowDown", "");
        _server.Inject(error with { Headers = new Dictionary<string, string?> { ["Retry-After"] = $"{asked.TotalSeconds}" } }, int.MaxValue);

        var failure = await FailAsync();

        Assert.Equal(SourceFailure.Busy, failure.Failure);
        Assert.Equal(asked, failure.RetryAfter);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task An_object_of_another_size_is_another()
    {
        _server.Inject(Fault.Header("Content-Range", "bytes 200-499/2000"), int.MaxValue);

        Assert.Equal(SourceFailure.Changed, (await FailAsync(200, 300)).Failure);
    }

    [Fact]
    public async Task An_object_of_another_ETag_is_another()
    {
        await using var folder = Open();
        await using var source = await folder.OpenAsync("key", null, 1000, default);
        await source.ReadAsync(0, new byte[10], default);
        _server.Inject(Fault.Header("ETag", "\"two\""), int.MaxValue);

        var failure = await Assert.ThrowsAsync<SourceException>(() => source.ReadAsync(10, new byte[10], default).AsTask());

        Assert.Equal(SourceFailure.Changed, failure.Failure);
        Assert.Equal("\"one\"", _server.Requests[^1]["If-Match"]);
    }

    [Fact]
    public async Task A_blob_of_a_known_digest_may_have_been_stored_anew()
    {
        await using var folder = Open();
        await using var source = await folder.OpenAsync("key", Digest.Sha256(s_content), 1000, default);
        await source.ReadAsync(0, new byte[10], default);
        _server.Inject(Fault.Header("ETag", "\"two\""), int.MaxValue);

        var read = new byte[10];
        await source.ReadAsync(10, read, default);

        Assert.Equal(s_content[10..20], read);
    }

    [Fact]
    public async Task An_error_without_end_is_not_read_without_end()
    {
        // More than the 8 MiB that are read, by what a connection holds on its way.
        const long Bound = 32 << 20;
        _server.Inject(new Fault { Status = 404, Body = "<Error>"u8.ToArray(), NeverEnd = true });

        Assert.Equal(s_content[..10], await ReadAsync(0, 10));

        Assert.Equal(2, _server.Requests.Count);
        Assert.InRange(_server.BytesSent, 8 << 20, Bound);
    }

    [Fact]
    public async Task A_read_can_be_given_up()
    {
        var never = new TaskCompletionSource();
        _server.Inject(new Fault { HoldUntil = never.Task }, int.MaxValue);
        await using var folder = Open();
        using var given = new CancellationTokenSource();
        await using var source = await folder.OpenAsync("key", null, 1000, default);
        var reading = source.ReadAsync(0, new byte[10], given.Token).AsTask();
        await _server.WaitForRequestsAsync(1);

        await given.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        never.SetResult();
    }

    [Theory]
    [InlineData("http://127.0.0.1:1", SourceFailure.Transient)]
    [InlineData("ftp://127.0.0.1", SourceFailure.Permanent)]
    public async Task An_endpoint_that_is_none_is_named(string endpoint, SourceFailure expected)
    {
        var failure = await Assert.ThrowsAsync<SourceException>(async () =>
        {
            await using var folder = new S3Folder(
                "bucket/prefix", new RemoteOptions { S3 = new S3Options { Endpoint = endpoint, Profile = _profile.Name }, Timeout = TimeSpan.FromSeconds(1) }, new RemoteEndpoints());
            await ReadAsync(folder, 0, 10);
        });

        Assert.Equal(expected, failure.Failure);
        Assert.Contains(expected == SourceFailure.Permanent ? endpoint : "s3://bucket/prefix/key", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_profile_that_does_not_exist_is_named()
    {
        var failure = Assert.Throws<SourceException>(() => new S3Folder("bucket", new RemoteOptions { S3 = new S3Options { Profile = "nosuchprofile" } }, new RemoteEndpoints()));

        Assert.Contains("nosuchprofile", failure.Message, StringComparison.Ordinal);
    }

    static Fault Error(int status, string code, string text) => new()
    {
        Status = status,
        Body = Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{text}</Message><RequestId>1</RequestId></Error>"),
        Headers = new Dictionary<string, string?> { ["Content-Type"] = "application/xml" },
    };

    S3Folder Open() => new(
        "bucket/prefix", new RemoteOptions { S3 = new S3Options { Endpoint = _server.Url.ToString(), Profile = _profile.Name } }, new RemoteEndpoints());

    async Task<byte[]> ReadAsync(long offset, int length)
    {
        await using var folder = Open();
        return await ReadAsync(folder, offset, length);
    }

    static async Task<byte[]> ReadAsync(S3Folder folder, long offset, int length)
    {
        await using var source = await folder.OpenAsync("key", null, s_content.Length, default);
        var read = new byte[length];
        await source.ReadAsync(offset, read, default);
        return read;
    }

    async Task<SourceException> FailAsync(long offset = 0, int length = 10) => await Assert.ThrowsAsync<SourceException>(() => ReadAsync(offset, length));
}
