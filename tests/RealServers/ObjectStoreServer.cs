using Amazon.Runtime;
using Amazon.S3;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.RealServers;

/// <summary>Ceph's radosgw without a cluster, on a port of 127.0.0.1: a real S3 service, with one user.</summary>
public sealed class ObjectStoreServer : LocalServer
{
    public const string AccessKey = "testkey";
    public const string SecretKey = "testsecret";

    const string User = "tester";

    const int AdministrationAttempts = 2;

    /// <summary>It takes a tenth of a second where nothing else runs.</summary>
    static readonly TimeSpan s_administrationLimit = TimeSpan.FromSeconds(30);

    /// <summary>What it says of a user that is there already, and of a key that is not there any more.</summary>
    static readonly string[] s_doneBefore = ["exists", "unable to find access key"];

    ObjectStoreServer()
    {
    }

    public Uri Endpoint => new($"http://127.0.0.1:{Port}");

    /// <summary>The environment in which AWS's tools and SDKs find it.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["AWS_ENDPOINT_URL_S3"] = Endpoint.ToString().TrimEnd('/'),
        ["AWS_ACCESS_KEY_ID"] = AccessKey,
        ["AWS_SECRET_ACCESS_KEY"] = SecretKey,
        ["AWS_REGION"] = "us-east-1",
    };

    string Configuration => Folder["ceph.conf"];

    string[] Common => ["-c", Configuration, "-n", "client.rgw", "--no-mon-config"];

    /// <param name="buckets">To be made.</param>
    public static async Task<ObjectStoreServer> StartAsync(params string[] buckets)
    {
        var store = new ObjectStoreServer();
        foreach (var folder in (string[])["db", "data", "posix", "posixdb"]) Directory.CreateDirectory(store.Folder[folder]);
        // The user is made before the server runs, as its database has it.
        await store.StartOnFreePortAsync(() => store.Administrate(
            "user", "create", $"--uid={User}", "--display-name=Tester", $"--access-key={AccessKey}", $"--secret-key={SecretKey}")).ConfigureAwait(false);
        try
        {
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

    private protected override void WriteConfiguration() => File.WriteAllText(Configuration, ConfigurationText());

    private protected override Task<ServerProcess> LaunchAsync() =>
        ServerProcess.StartAsync(RealParts.Default.Radosgw, [.. Common, "-d"], AskAsync, CancellationToken.None);

    async Task AskAsync(CancellationToken cancellation)
    {
        using var client = new HttpClient();
        using var answer = await client.GetAsync(Endpoint, cancellation).ConfigureAwait(false);
    }

    /// <summary>It seldom hangs for good on a busy machine, before its work or after it: then it is killed, and run once more.</summary>
    void Administrate(params string[] arguments)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var process = ChildProcess.Launch(RealParts.Default.RadosgwAdmin, [.. Common, .. arguments]);
            if (!process.WaitForExit(s_administrationLimit))
            {
                if (attempt < AdministrationAttempts) continue;
                throw new InvalidOperationException($"radosgw-admin {string.Join(' ', arguments)} did not end in {s_administrationLimit.TotalSeconds} s, {attempt} times. It wrote:\n{process.ErrorText}");
            }

            if (process.ExitCode == 0 || (attempt > 1 && s_doneBefore.Any(said => process.ErrorText.Contains(said, StringComparison.Ordinal)))) return;
            throw new InvalidOperationException($"radosgw-admin {string.Join(' ', arguments)} failed with {process.ExitCode}. It wrote:\n{process.ErrorText}");
        }
    }

    /// <summary>Without rgw_filter = posix, ranged reads return wrong bytes.</summary>
    string ConfigurationText() => $"""
        [global]
        auth_cluster_required = none
        auth_service_required = none
        auth_client_required = none
        admin_socket =
        run_dir = {Folder.Path}
        log_file = {Folder["$name.log"]}
        rgw_data = {Folder["data"]}
        rgw_config_store = dbstore
        rgw_backend_store = dbstore
        rgw_filter = posix
        dbstore_db_dir = {Folder["db"]}
        dbstore_db_name_prefix = t
        dbstore_config_uri = file:{Folder["db/config.db"]}
        rgw_posix_base_path = {Folder["posix"]}
        rgw_posix_database_root = {Folder["posixdb"]}
        rgw_frontends = beast endpoint=127.0.0.1:{Port}
        rgw_enable_apis = s3
        rgw_thread_pool_size = 32

        """;
}
