using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary><c>virtiofs-store virtiofs</c> as Kata starts it, with a shared directory and an image to mount.</summary>
sealed class NydusDaemon : IDisposable
{
    static readonly TimeSpan s_end = TimeSpan.FromSeconds(30);
    readonly TemporaryDirectory _directory = new();
    readonly ChildProcess _process;

    public NydusDaemon(params ReadOnlySpan<string> extra)
    {
        Share = Directory.CreateDirectory(_directory["shared"]).FullName;
        Image = $"oci:{TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["etc/hello"] = "from a layer"u8.ToArray() })}:latest";
        _process = ChildProcess.Start(
            Daemon.Program,
            ["virtiofs", "--log-level", "info", "--apisock", ApiSocket, "--sock", Socket, "--store", Store, .. extra]);
        Api = new ApiClient(ApiSocket);
        // The line of readiness is the server's, the state the parent's: callers ask until it is this one.
        if (!SpinWait.SpinUntil(() => Api.Get("/api/v1/daemon").Json.GetProperty("state").GetString() == "RUNNING", TimeSpan.FromSeconds(60)))
            throw new TimeoutException("The daemon does not say that it is running.");
    }

    public string Share { get; }

    public string Image { get; }

    public string Store => _directory["store"];

    public string ApiSocket => _directory["nydusd-api.sock"];

    public string Socket => _directory["virtiofsd.sock"];

    public ApiClient Api { get; }

    public ChildProcess Process => _process;

    public string Path(string name) => _directory[name];

    public VirtualMachine Boot() => VirtualMachine.Mount(Socket);

    /// <summary>Descriptors and threads of the daemon's processes.</summary>
    public (int Descriptors, int Threads) Count()
    {
        var (descriptors, threads) = (0, 0);
        foreach (var id in WithChildren(_process.Id))
        {
            descriptors += Directory.GetFiles($"/proc/{id}/fd").Length;
            threads += Directory.GetDirectories($"/proc/{id}/task").Length;
        }
        return (descriptors, threads);
    }

    public bool WaitForExit() => _process.WaitForExit(s_end);

    public void Dispose()
    {
        _process.Dispose();
        _directory.Dispose();
    }

    static IEnumerable<int> WithChildren(int id) =>
        Directory.GetDirectories($"/proc/{id}/task")
            .SelectMany(task => File.ReadAllText(System.IO.Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .SelectMany(child => WithChildren(int.Parse(child, System.Globalization.CultureInfo.InvariantCulture)))
            .Prepend(id);
}
