using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using VirtioFsStore.Core.VhostUser;

namespace VirtioFsStore.Daemon.Api;

/// <summary>
/// The API's HTTP server, on a unix socket that its owner alone may use. The server alone, with nothing around it: it reads no
/// configuration and no environment, and its threads are the runtime's, which never serve the guest.
/// </summary>
sealed class ApiServer : IDisposable
{
    /// <summary>Of which callers have one or two. Those above it are closed at once.</summary>
    const int MaxConnections = 64;

    /// <summary>Bytes; Kata's largest is a configuration of a few KiB.</summary>
    const int MaxBody = 1 << 20;

    /// <summary>Bytes: a mount point of PATH_MAX with every byte escaped fits.</summary>
    const int MaxRequestLine = 16 << 10;

    /// <summary>For a client that was let in and says nothing.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>For requests under way at the end.</summary>
    static readonly TimeSpan s_goodbye = TimeSpan.FromSeconds(2);

    readonly ListeningSocket _socket;
    readonly KestrelServer _server;
    readonly ApiEndpoints _endpoints;
    readonly CancellationTokenSource _stop;

    ApiServer(ListeningSocket socket, KestrelServer server, ApiEndpoints endpoints, CancellationTokenSource stop)
    {
        _socket = socket;
        _endpoints = endpoints;
        _server = server;
        _stop = stop;
    }

    /// <summary>Listens and answers from here on.</summary>
    /// <param name="path">Unix socket to make, of mode 0600; a stale one is replaced.</param>
    /// <param name="endpoints">Answer.</param>
    /// <param name="logger">Is told what was asked.</param>
    /// <param name="stop">The daemon ends.</param>
    /// <exception cref="IOException">The socket cannot be made.</exception>
    public static ApiServer Start(string path, ApiEndpoints endpoints, ILogger logger, CancellationToken stop)
    {
        var socket = ListeningSocket.Open(new VhostUserOptions { SocketPath = path });
        var server = new KestrelServer(Options.Create(Configure(socket)), new SocketTransportFactory(Options.Create(new SocketTransportOptions { IOQueueCount = 1, Backlog = MaxConnections }), NullLoggerFactory.Instance), NullLoggerFactory.Instance);
        var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        try
        {
            server.StartAsync(new ApiApplication(endpoints, logger, ending.Token), stop).GetAwaiter().GetResult();
        }
        catch
        {
            server.Dispose();
            socket.Dispose();
            ending.Dispose();
            throw;
        }
        Log.ApiListens(logger, path);
        return new ApiServer(socket, server, endpoints, ending);
    }

    /// <summary>What the API says of the daemon from now on.</summary>
    public void SetState(DaemonState state) => _endpoints.State = state;

    public void Dispose()
    {
        _stop.Cancel();
        using (var limit = new CancellationTokenSource(s_goodbye))
            _server.StopAsync(limit.Token).GetAwaiter().GetResult();
        _server.Dispose();
        _socket.Dispose();
        _stop.Dispose();
    }

    static KestrelServerOptions Configure(ListeningSocket socket)
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        var limits = options.Limits;
        limits.MaxConcurrentConnections = MaxConnections;
        limits.MaxRequestBodySize = MaxBody;
        limits.MaxRequestLineSize = MaxRequestLine;
        limits.MaxRequestBufferSize = MaxRequestLine + limits.MaxRequestHeadersTotalSize;
        limits.RequestHeadersTimeout = s_patience;
        limits.KeepAliveTimeout = s_patience;
        limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: s_patience);
        limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: s_patience);
        options.ListenHandle((ulong)socket.Fd, listen => listen.Protocols = HttpProtocols.Http1);
        return options;
    }
}
