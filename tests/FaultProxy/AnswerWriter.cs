using System.Text;

namespace VirtioFsStore.FaultProxy;

/// <summary>Sends answers over a connection, and does to them what a fault says.</summary>
/// <param name="stream">The connection.</param>
/// <param name="line">Null for no bounds.</param>
/// <param name="sent">Is told the body's bytes that went out.</param>
sealed class AnswerWriter(Stream stream, Line? line, Action<int> sent)
{
    /// <summary>Small, so that a slow line flows rather than jumps.</summary>
    const int PieceSize = 16 << 10;

    /// <summary>How the connection goes on.</summary>
    public async Task<ConnectionEnd> WriteAsync(ProxyRequest request, ProxyAnswer answer, Fault fault, CancellationToken cancellation)
    {
        if (fault.ResetAfter < 0) return ConnectionEnd.Reset;
        var chunked = answer.Length is null && !fault.NeverEnd;
        await stream.WriteAsync(Encoding.Latin1.GetBytes(Head(answer, fault, chunked)), cancellation);
        if (request.Method == "HEAD" || answer.Status is 204 or 304) return ConnectionEnd.None;
        var buffer = new byte[PieceSize];
        for (var offset = 0L; ;)
        {
            var stop = Math.Min(fault.CutAfter ?? long.MaxValue, Math.Min(fault.ResetAfter ?? long.MaxValue, fault.StallAfter ?? long.MaxValue));
            if (offset == stop) return End(fault);
            var wanted = (int)Math.Min(PieceSize, stop - offset);
            var read = await answer.Body.ReadAsync(buffer.AsMemory(0, wanted), cancellation);
            if (read == 0 && !fault.NeverEnd) break;
            if (read == 0) read = wanted;
            if (fault.FlipBitAt is { } flip && flip >= offset && flip < offset + read) buffer[flip - offset] ^= 1;
            await WritePieceAsync(buffer.AsMemory(0, read), chunked, cancellation);
            offset += read;
        }

        if (chunked) await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), cancellation);
        return fault.TakeOnly is null ? ConnectionEnd.None : ConnectionEnd.Reset;
    }

    static ConnectionEnd End(Fault fault) =>
        fault.StallAfter is not null ? ConnectionEnd.Stall : fault.ResetAfter is not null ? ConnectionEnd.Reset : ConnectionEnd.Close;

    static string Head(ProxyAnswer answer, Fault fault, bool chunked)
    {
        var headers = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        if (chunked) headers["Transfer-Encoding"] = "chunked";
        else if (!fault.NeverEnd) headers["Content-Length"] = $"{answer.Length}";
        foreach (var (name, value) in answer.Headers) headers[name] = value;
        foreach (var (name, value) in fault.Headers) headers[name] = value;
        var head = new StringBuilder($"HTTP/1.1 {answer.Status} Said\r\n");
        foreach (var (name, value) in headers)
            if (value is not null) head.Append(name).Append(": ").Append(value).Append("\r\n");
        return head.Append("\r\n").ToString();
    }

    async Task WritePieceAsync(ReadOnlyMemory<byte> piece, bool chunked, CancellationToken cancellation)
    {
        if (line is not null) await line.CarryAsync(piece.Length, cancellation);
        if (chunked) await stream.WriteAsync(Encoding.Latin1.GetBytes($"{piece.Length:x}\r\n"), cancellation);
        await stream.WriteAsync(piece, cancellation);
        if (chunked) await stream.WriteAsync("\r\n"u8.ToArray(), cancellation);
        sent(piece.Length);
    }
}
