using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace VirtioFsStore.FaultProxy;

/// <summary>An HTTP/1.1 server on 127.0.0.1 that answers by itself or asks a real server behind it, counts, shapes the line, and misbehaves as it is
/// told. Safe for concurrent use.</summary>
public sealed class FaultServer : IAsyncDisposable
{
    static readonly Fault s_none = new();

    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly Func<ProxyRequest, CancellationToken, Task<ProxyAnswer>> _behind;
    readonly X509Certificate2? _certificate;
    readonly bool _asksForCertificate;
    readonly IDisposable? _upstream;
    readonly Line? _line;
    readonly CancellationTokenSource _stop = new();
    readonly Lock _lock = new();
    readonly List<Rule> _rules = [];
    readonly List<ProxyRequest> _requests = [];
    readonly List<(int Count, TaskCompletionSource Done)> _waiting = [];
    readonly HashSet<Task> _connections = [];
    readonly Task _accepting;
    bool _isDisposed;
    long _bytesSent;
    long _connectionCount;

    FaultServer(
        Func<ProxyRequest, CancellationToken, Task<ProxyAnswer>> behind, IDisposable? upstream, LineShape? shape, X509Certificate2? certificate, bool asksForCertificate)
    {
        (_behind, _upstream, _certificate, _asksForCertificate) = (behind, upstream, certificate, asksForCertificate);
        _line = shape is null ? null : new Line(shape);
        _listener.Start();
        Url = new Uri($"{(certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens; ends with a slash.</summary>
    public Uri Url { get; }

    /// <summary>HOST:PORT of <see cref="Url"/>.</summary>
    public string Host => Url.Authority;

    /// <summary>All that came so far, in order.</summary>
    public IReadOnlyList<ProxyRequest> Requests
    {
        get { lock (_lock) return [.. _requests]; }
    }

    /// <summary>Of answers' bodies.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    public long Connections => Interlocked.Read(ref _connectionCount);

    /// <summary>Answers by itself.</summary>
    /// <param name="answer">Called for each request, from several threads.</param>
    /// <param name="shape">Null for no bounds.</param>
    /// <param name="certificate">Speaks TLS where it is given.</param>
    /// <param name="asksForCertificate">Of the client; <see cref="ProxyRequest"/> is refused by TLS without one.</param>
    public static FaultServer Serve(
        Func<ProxyRequest, ProxyAnswer> answer, LineShape? shape = null, X509Certificate2? certificate = null, bool asksForCertificate = false) =>
        new((request, _) => Task.FromResult(answer(request)), null, shape, certificate, asksForCertificate);

    /// <summary>Asks a real server.</summary>
    public static FaultServer Forward(Uri server, LineShape? shape = null)
    {
        var upstream = new Upstream(server);
        return new FaultServer(upstream.AskAsync, upstream, shape, null, false);
    }

    /// <summary>Lets the next requests fail.</summary>
    /// <param name="fault">What goes wrong.</param>
    /// <param name="times">How often.</param>
    /// <param name="when">Which requests; null for all.</param>
    public void Inject(Fault fault, int times = 1, Func<ProxyRequest, bool>? when = null)
    {
        lock (_lock) _rules.Add(new Rule(fault, when ?? (_ => true)) { Left = times });
    }

    /// <summary>All goes well from now on.</summary>
    public void Heal()
    {
        lock (_lock) _rules.Clear();
    }

    /// <summary>Ends when so many requests have come, since the start.</summary>
    public Task WaitForRequestsAsync(int count)
    {
        lock (_lock)
        {
            if (_requests.Count >= count) return Task.CompletedTask;
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((count, done));
            return done.Task;
        }
    }

    /// <summary>Ends all connections; a second time, nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true)) return;
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task[] connections;
        lock (_lock) connections = [.. _connections];
        await Task.WhenAll(connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _upstream?.Dispose();
        _stop.Dispose();
        _listener.Dispose();
    }

    async Task AcceptAsync()
    {
        while (true)
        {
            var socket = await _listener.AcceptSocketAsync(_stop.Token);
            Interlocked.Increment(ref _connectionCount);
            var connection = ServeAsync(socket);
            lock (_lock) _connections.Add(connection);
            _ = connection.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    void Forget(Task connection)
    {
        lock (_lock) _connections.Remove(connection);
    }

    async Task ServeAsync(Socket socket)
    {
        using var closed = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        try
        {
            socket.NoDelay = true;
            Stream stream = new NetworkStream(socket, ownsSocket: false);
            if (_certificate is not null) stream = await SecureAsync(stream);
            await using (stream.ConfigureAwait(false))
            {
                if (_line is not null) await Task.Delay(_line.Shape.RoundTrip, _stop.Token);
                if (await ServeRequestsAsync(stream, (IPEndPoint)socket.RemoteEndPoint!) != ConnectionEnd.Reset) socket.Shutdown(SocketShutdown.Both);
                else socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, or the server is stopped.
        }
        finally
        {
            socket.Dispose();
        }
    }

    async Task<Stream> SecureAsync(Stream stream)
    {
        var secure = new SslStream(stream);
        await secure.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificate = _certificate, ClientCertificateRequired = _asksForCertificate,
                // Whose it is, tests do not care; that there is one, they do.
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null || !_asksForCertificate,
            },
            _stop.Token);
        return secure;
    }

    async Task<ConnectionEnd> ServeRequestsAsync(Stream stream, IPEndPoint from)
    {
        var reader = new RequestReader(stream, from);
        var writer = new AnswerWriter(stream, _line, sent => Interlocked.Add(ref _bytesSent, sent));
        while (await reader.ReadHeadAsync(_stop.Token) is { } request)
        {
            var fault = Take(request);
            if (request["Expect"] is not null) await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), _stop.Token);
            request = request with { Body = await reader.ReadBodyAsync(request, fault.TakeOnly ?? long.MaxValue, _stop.Token) };
            Note(request);
            if (fault.HoldUntil is { } until) await until.WaitAsync(_stop.Token);
            using var answer = await AnswerAsync(request, fault);
            if (_line is not null) await Task.Delay(_line.Shape.RoundTrip, _stop.Token);
            switch (await writer.WriteAsync(request, answer, fault, _stop.Token))
            {
                case ConnectionEnd.Stall:
                    // Until the client has had enough.
                    while (await reader.ReadHeadAsync(_stop.Token) is not null)
                    {
                    }

                    return ConnectionEnd.Close;
                case ConnectionEnd.Reset: return ConnectionEnd.Reset;
                case ConnectionEnd.Close: return ConnectionEnd.Close;
            }

            if (fault.NeverEnd || request["Connection"] is "close") return ConnectionEnd.Close;
        }

        return ConnectionEnd.Close;
    }

    async Task<ProxyAnswer> AnswerAsync(ProxyRequest request, Fault fault)
    {
        if (fault.Status is { } status) return ProxyAnswer.Of(status, fault.Body);
        if (fault.IgnoreRange)
            request = request with { Headers = request.Headers.Where(field => !field.Key.Equals("Range", StringComparison.OrdinalIgnoreCase)).ToDictionary(StringComparer.OrdinalIgnoreCase) };
        var answer = await _behind(request, _stop.Token);
        if (fault.Body is null) return answer;
        using (answer) return answer with { Body = new MemoryStream(fault.Body), Length = fault.Body.Length };
    }

    Fault Take(ProxyRequest request)
    {
        lock (_lock)
        {
            if (_rules.Find(rule => rule.When(request)) is not { } rule) return s_none;
            if (--rule.Left == 0) _rules.Remove(rule);
            return rule.Fault;
        }
    }

    void Note(ProxyRequest request)
    {
        lock (_lock)
        {
            _requests.Add(request);
            foreach (var (count, done) in _waiting)
                if (_requests.Count >= count) done.TrySetResult();
            _waiting.RemoveAll(waiting => waiting.Count <= _requests.Count);
        }
    }

    sealed class Rule(Fault fault, Func<ProxyRequest, bool> when)
    {
        public Fault Fault => fault;

        public Func<ProxyRequest, bool> When => when;

        public int Left { get; set; }
    }
}
