using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VirtioFsStore.Guest.Tests;

/// <summary>Mounts and unmounts over a daemon's API.</summary>
sealed class NydusApi(string socketPath) : IDisposable
{
    readonly HttpClient _http = new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, stop) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), stop);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });

    public Task MountAsync(string mountPoint, string type, string source)
    {
        var body = JsonSerializer.Serialize(new { fs_type = type, source, config = "" });
        return SendAsync(HttpMethod.Post, mountPoint, new StringContent(body, Encoding.UTF8, "application/json"));
    }

    public Task UnmountAsync(string mountPoint) => SendAsync(HttpMethod.Delete, mountPoint, null);

    public void Dispose() => _http.Dispose();

    /// <exception cref="InvalidOperationException">The answer was not the one that Kata takes.</exception>
    async Task SendAsync(HttpMethod method, string mountPoint, HttpContent? body)
    {
        using var request = new HttpRequestMessage(method, $"http://unix/api/v1/mount?mountpoint={Uri.EscapeDataString(mountPoint)}") { Content = body };
        using var response = await _http.SendAsync(request);
        if ((int)response.StatusCode != 204)
        {
            throw new InvalidOperationException($"{method} {mountPoint}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        }
    }
}
