using System.Text;
using VirtioFsStore.FaultProxy;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>Something that goes wrong with a few answers about blobs.</summary>
/// <param name="Name">What it is called in a message.</param>
/// <param name="Fault">What goes wrong.</param>
/// <param name="MayFail">Reads may fail while it lasts, for it says that another try is of no use.</param>
/// <param name="Times">How many answers.</param>
sealed record SourceFault(string Name, Fault Fault, bool MayFail = false, int Times = 2)
{
    /// <summary>What a registry can do. A bucket cannot: the range is part of what a request's signature covers.</summary>
    public static SourceFault RangeIgnored { get; } = new("the whole in place of a range", new Fault { IgnoreRange = true });

    public static IEnumerable<SourceFault> All =>
    [
        new("cut before its first byte", new Fault { CutAfter = 0 }),
        new("cut", new Fault { CutAfter = 10_000 }),
        new("reset before its head", new Fault { ResetAfter = -1 }),
        new("reset", new Fault { ResetAfter = 10_000 }),
        new("stalled", new Fault { StallAfter = 10_000 }, Times: 1),
        new("without an end", new Fault { NeverEnd = true }),
        new("401", Fault.Answer(401), MayFail: true),
        new("403", Fault.Answer(403), MayFail: true),
        new("404", Fault.Answer(404), MayFail: true),
        new("416", Fault.Answer(416), MayFail: true),
        new("429", Fault.Answer(429, ("Retry-After", "1")), Times: 1),
        new("500", Fault.Answer(500)),
        new("503", Fault.Answer(503)),
        new("a bit flipped", new Fault { FlipBitAt = 5_000 }, MayFail: true),
        new("another body", new Fault { Body = Encoding.ASCII.GetBytes("<html>Please log in.</html>") }, MayFail: true),
        new("another ETag", Fault.Header("ETag", "\"other\""), MayFail: true),
        new("another range", Fault.Header("Content-Range", "bytes 0-9/10"), MayFail: true),
    ];
}
