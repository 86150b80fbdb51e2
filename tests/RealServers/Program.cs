using System.CommandLine;
using VirtioFsStore.RealServers;

var buckets = new Option<string[]>("--bucket") { Description = "A bucket to make." };
var s3 = new Command("s3", "Ceph's radosgw. Prints its environment: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, …") { buckets };
s3.SetAction(async (parsed, stop) =>
{
    var server = await ObjectStoreServer.StartAsync(parsed.GetValue(buckets) ?? []).ConfigureAwait(false);
    await using (server.ConfigureAwait(false))
    {
        foreach (var (name, value) in server.Environment) Console.WriteLine($"{name}={value}");
        await EndAsync(stop).ConfigureAwait(false);
    }
});
var registry = new Command("registry", "docker-registry. Prints REGISTRY=HOST:PORT.");
registry.SetAction(async (_, stop) =>
{
    var server = await RegistryServer.StartAsync().ConfigureAwait(false);
    await using (server.ConfigureAwait(false))
    {
        Console.WriteLine($"REGISTRY={server.Host}");
        await EndAsync(stop).ConfigureAwait(false);
    }
});
var line = new RootCommand("Starts a real server on 127.0.0.1, prints where it is as NAME=VALUE lines and then READY, and ends it with its own standard input or at SIGTERM.") { s3, registry };
return await line.Parse(args).InvokeAsync().ConfigureAwait(false);

static async Task EndAsync(CancellationToken stop)
{
    Console.WriteLine("READY");
    var input = Console.OpenStandardInput();
    var buffer = new byte[256];
    try
    {
        // Waited for by the token, too: a read of a terminal is not ended by it.
        while (await input.ReadAsync(buffer, stop).AsTask().WaitAsync(stop).ConfigureAwait(false) > 0)
        {
        }
    }
    catch (OperationCanceledException)
    {
        // As good as the end of the input.
    }
}
