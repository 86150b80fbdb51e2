using Amazon.Runtime;
using Amazon.S3;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.RealServers;

/// <summary>Ceph's radosgw without a cluster, on a port of 127.0.0.1: a real S3 service, with one user.</summary>
public sealed class ObjectStoreServer : IAsyncDisposable
{
    public const string AccessKey = "testkey";
    public const string SecretKey = "testsecret";

    const string User = "tester";

    /// <summary>Another program may take a port between its choice and its use.</summary>
    const int Attempts = 3;

    readonly TemporaryDirectory _directory = new();
    ServerProcess? _server;
    int _port;

    ObjectStoreServer()
    {
    }

    public Uri Endpoint => new($"http://127.0.0.1:{_port}");

    /// <summary>What it wrote since it was started last.</summary>
    public string Log => _server?.Log ?? "";

    /// <summary>The environment in which AWS's tools and SDKs find it.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["AWS_ENDPOINT_URL_S3"] = Endpoint.ToString().TrimEnd('/'),
        ["AWS_ACCESS_KEY_ID"] = AccessKey,
        ["AWS_SECRET_ACCESS_KEY"] = SecretKey,
        ["AWS_REGION"] = "us-east-1",
    };

    string Configuration => _directory["ceph.conf"];

    string[] Common => ["-c", Configuration, "-n", "client.rgw", "--no-mon-config"];

    /// <param name="buckets">To be made.</param>
    public static async Task<ObjectStoreServer> StartAsync(params string[] buckets)
    {
        var store = new ObjectStoreServer();
        try
        {
            await store.StartAsync(CancellationToken.None).ConfigureAwait(false);
            foreach (var bucket in buckets) await store.CreateBucketAsync(bucket).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task CreateBucketAsync(string name)
    {
        using var client = CreateClient();
        await client.PutBucketAsync(name).ConfigureAwait(false);
    }

    /// <summary>Amazon's own client, for what a test wants to do behind the program's back.</summary>
    public AmazonS3Client CreateClient() => new(new BasicAWSCredentials(AccessKey, SecretKey), new AmazonS3Config
    {
        ServiceURL = Endpoint.ToString(),
        ForcePathStyle = true,
        AuthenticationRegion = "us-east-1",
        RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
        ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
    });

    /// <summary>Gives the user another key beside those it has. It counts after a restart at the latest.</summary>
    public void AddKey(string accessKey, string secretKey) =>
        Administrate("key", "create", $"--uid={User}", $"--access-key={accessKey}", $"--secret-key={secretKey}");

    public void RemoveKey(string accessKey) => Administrate("key", "rm", $"--uid={User}", $"--access-key={accessKey}");

    /// <summary>Nobody answers on its port from now on. What is stored stays.</summary>
    public void Stop()
    {
        _server?.Dispose();
        _server = null;
    }

    /// <summary>On the port that it had.</summary>
    public async Task StartAgainAsync()
    {
        Stop();
        _server = await LaunchAsync(CancellationToken.None).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var folder in (string[])["db", "data", "posix", "posixdb"]) Directory.CreateDirectory(_directory[folder]);
        for (var attempt = 1; ; attempt++)
        {
            _port = LocalPort.FindFree();
            await File.WriteAllTextAsync(Configuration, ConfigurationText(), cancellation).ConfigureAwait(false);
            // Before the server runs, as its database has it.
            if (attempt == 1)
                Administrate("user", "create", $"--uid={User}", "--display-name=Tester", $"--access-key={AccessKey}", $"--secret-key={SecretKey}");
            try
            {
                _server = await LaunchAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (InvalidOperationException) when (attempt < Attempts)
            {
                // With another port.
            }
        }
    }

    Task<ServerProcess> LaunchAsync(CancellationToken cancellation) =>
        ServerProcess.StartAsync(RealParts.Default.Radosgw, [.. Common, "-d"], AskAsync, cancellation);

    async Task AskAsync(CancellationToken cancellation)
    {
        using var client = new HttpClient();
        using var answer = await client.GetAsync(Endpoint, cancellation).ConfigureAwait(false);
    }

    void Administrate(params string[] arguments)
    {
        using var process = ChildProcess.Launch(RealParts.Default.RadosgwAdmin, [.. Common, .. arguments]);
        if (!process.WaitForExit(TimeSpan.FromMinutes(1)) || process.ExitCode != 0)
            throw new InvalidOperationException($"radosgw-admin {string.Join(' ', arguments)} failed. It wrote:\n{process.ErrorText}");
    }

    /// <summary>Without rgw_filter = posix, ranged reads return wrong bytes.</summary>
    string ConfigurationText() => $"""
        [global]
        auth_cluster_required = none
        auth_service_required = none
        auth_client_required = none
        admin_socket =
        run_dir = {_directory.Path}
        log_file = {_directory["$name.log"]}
        rgw_data = {_directory["data"]}
        rgw_config_store = dbstore
        rgw_backend_store = dbstore
        rgw_filter = posix
        dbstore_db_dir = {_directory["db"]}
        dbstore_db_name_prefix = t
        dbstore_config_uri = file:{_directory["db/config.db"]}
        rgw_posix_base_path = {_directory["posix"]}
        rgw_posix_database_root = {_directory["posixdb"]}
        rgw_frontends = beast endpoint=127.0.0.1:{_port}
        rgw_enable_apis = s3
        rgw_thread_pool_size = 32

        """;
}
