namespace VirtioFsStore.FaultProxy;

/// <summary>What goes wrong with one answer. What is not set stays as it is; several things may go wrong at once. Offsets and counts are in
/// bytes of the body that would be sent.</summary>
public sealed record Fault
{
    /// <summary>Nothing is sent before this is done; the request is in <see cref="FaultServer.Requests"/> already.</summary>
    public Task? HoldUntil { get; init; }

    /// <summary>This is answered, and who is behind is not asked.</summary>
    public int? Status { get; init; }

    /// <summary>In place of the body.</summary>
    public byte[]? Body { get; init; }

    /// <summary>Header fields that are set; null takes one away. Content-Length may be wrong.</summary>
    public IReadOnlyDictionary<string, string?> Headers { get; init; } = new Dictionary<string, string?>();

    /// <summary>The request's Range is not seen.</summary>
    public bool IgnoreRange { get; init; }

    /// <summary>The lowest bit of this byte is another.</summary>
    public long? FlipBitAt { get; init; }

    /// <summary>The connection is closed in good order after so many.</summary>
    public long? CutAfter { get; init; }

    /// <summary>The connection is reset after so many; negative: before the head is sent.</summary>
    public long? ResetAfter { get; init; }

    /// <summary>Nothing more is sent after so many, and the connection stays.</summary>
    public long? StallAfter { get; init; }

    /// <summary>More and more follows the body, which says no length, until the client goes away.</summary>
    public bool NeverEnd { get; init; }

    /// <summary>Only so many bytes of the request's body are taken; who is behind sees these alone, and the connection is reset.</summary>
    public long? TakeOnly { get; init; }

    /// <summary>An answer that is made here.</summary>
    public static Fault Answer(int status, params (string Name, string Value)[] headers) =>
        new() { Status = status, Body = [], Headers = headers.ToDictionary(header => header.Name, string? (header) => header.Value) };

    /// <summary>307 to another place.</summary>
    public static Fault Redirect(Uri to) => Answer(307, ("Location", to.ToString()));

    /// <summary>An answer whose head is changed.</summary>
    public static Fault Header(string name, string? value) => new() { Headers = new Dictionary<string, string?> { [name] = value } };
}
