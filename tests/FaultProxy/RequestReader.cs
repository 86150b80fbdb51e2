using System.Globalization;
using System.Net;
using System.Text;

namespace VirtioFsStore.FaultProxy;

/// <summary>Reads HTTP/1.1 requests off a connection.</summary>
sealed class RequestReader(Stream stream, IPEndPoint from)
{
    const int MaxLine = 64 << 10;

    readonly byte[] _buffer = new byte[64 << 10];
    int _start;
    int _end;

    /// <summary>Null at the end of the connection. The body is not read yet.</summary>
    public async Task<ProxyRequest?> ReadHeadAsync(CancellationToken cancellation)
    {
        var line = await ReadLineAsync(cancellation);
        if (string.IsNullOrEmpty(line)) return null;
        var parts = line.Split(' ');
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await ReadLineAsync(cancellation) is { Length: > 0 } field)
        {
            var colon = field.IndexOf(':', StringComparison.Ordinal);
            var (name, value) = (field[..colon], field[(colon + 1)..].Trim());
            headers[name] = headers.TryGetValue(name, out var before) ? $"{before}, {value}" : value;
        }

        return new ProxyRequest(parts[0], parts[1], headers, [], from);
    }

    /// <param name="request">Whose head was read.</param>
    /// <param name="atMost">Bytes that are read.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task<byte[]> ReadBodyAsync(ProxyRequest request, long atMost, CancellationToken cancellation)
    {
        var body = new MemoryStream();
        if (request["Transfer-Encoding"] is { } encoding && encoding.Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            while (int.Parse((await ReadLineAsync(cancellation))!.Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var chunk)
            {
                await CopyAsync(body, Math.Min(chunk, atMost - body.Length), cancellation);
                if (body.Length >= atMost) return body.ToArray();
                await ReadLineAsync(cancellation);
            }

            while (await ReadLineAsync(cancellation) is { Length: > 0 })
            {
                // Trailers say nothing here.
            }
        }
        else if (request["Content-Length"] is { } length)
        {
            await CopyAsync(body, Math.Min(atMost, long.Parse(length, CultureInfo.InvariantCulture)), cancellation);
        }

        return body.ToArray();
    }

    async Task<bool> FillAsync(CancellationToken cancellation)
    {
        _start = 0;
        _end = await stream.ReadAsync(_buffer, cancellation);
        return _end > 0;
    }

    async Task<string?> ReadLineAsync(CancellationToken cancellation)
    {
        var line = new StringBuilder();
        while (_start < _end || await FillAsync(cancellation))
        {
            var c = (char)_buffer[_start++];
            if (c == '\n') return line.ToString().TrimEnd('\r');
            line.Append(c);
            if (line.Length > MaxLine) throw new IOException("a line without an end");
        }

        return line.Length == 0 ? null : throw new EndOfStreamException();
    }

    async Task CopyAsync(MemoryStream to, long count, CancellationToken cancellation)
    {
        while (count > 0)
        {
            if (_start == _end && !await FillAsync(cancellation)) throw new EndOfStreamException();
            var taken = (int)Math.Min(count, _end - _start);
            to.Write(_buffer, _start, taken);
            _start += taken;
            count -= taken;
        }
    }
}
