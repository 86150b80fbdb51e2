using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>Speaks to the API byte by byte, as Kata's clients were seen to.</summary>
sealed class ApiClient(string socketPath, ClientForm form = ClientForm.Go)
{
    static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Opens a connection and says nothing.</summary>
    public Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = (int)s_limit.TotalMilliseconds, SendTimeout = (int)s_limit.TotalMilliseconds };
        socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        return socket;
    }

    public ApiResponse Get(string target) => Send("GET", target, null);

    public ApiResponse Put(string target, string? body = null) => Send("PUT", target, body);

    public ApiResponse Mount(string mountPoint, string type, string source, string config = "") =>
        Send("POST", Target(mountPoint), $$"""{"fs_type":{{Quote(type)}},"source":{{Quote(source)}},"config":{{Quote(config)}}}""");

    public ApiResponse Unmount(string mountPoint) => Send("DELETE", Target(mountPoint), null);

    /// <summary>One request on a connection of its own.</summary>
    public ApiResponse Send(string method, string target, string? body)
    {
        using var socket = Connect();
        socket.Send(Encoding.UTF8.GetBytes(Text(method, target, body)));
        return Receive(socket);
    }

    /// <summary>The next response on a connection.</summary>
    public static ApiResponse Receive(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        int end;
        while ((end = text.ToString().IndexOf("\r\n\r\n", StringComparison.Ordinal)) < 0)
        {
            var count = socket.Receive(buffer);
            if (count == 0)
                throw new EndOfStreamException($"The daemon closed the connection after '{text}'.");
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        var head = text.ToString(0, end).Split("\r\n");
        var status = int.Parse(head[0].Split(' ')[1], CultureInfo.InvariantCulture);
        var length = head.FirstOrDefault(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) is { } header ? int.Parse(header.Split(':')[1], CultureInfo.InvariantCulture) : 0;
        var body = text.ToString()[(end + 4)..];
        while (Encoding.UTF8.GetByteCount(body) < length)
        {
            var count = socket.Receive(buffer);
            if (count == 0)
                throw new EndOfStreamException("The daemon closed the connection within an answer.");
            body += Encoding.UTF8.GetString(buffer, 0, count);
        }
        return new ApiResponse(status, body);
    }

    /// <summary>A request as the client writes it.</summary>
    public string Text(string method, string target, string? body)
    {
        var length = body is null ? "" : $"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n";
        var type = body is null && form == ClientForm.Go ? "" : "Content-Type: application/json\r\n";
        return form == ClientForm.Go
            ? $"{method} {target} HTTP/1.1\r\nHost: unix\r\nUser-Agent: Go-http-client/1.1\r\n{length}{type}Accept-Encoding: gzip\r\n\r\n{body}"
            // hyperlocal's host is the socket's path in hexadecimal, with a port of 0.
            : $"{method} {target} HTTP/1.1\r\n{type.ToLowerInvariant()}host: {Convert.ToHexStringLower(Encoding.UTF8.GetBytes(socketPath))}:0\r\n{length.ToLowerInvariant()}\r\n{body}";
    }

    public string Target(string mountPoint) =>
        $"/api/v1/mount?mountpoint={(form == ClientForm.Go ? mountPoint : mountPoint.Replace("/", "%2F", StringComparison.Ordinal))}";

    static string Quote(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
