using System.Globalization;
using VirtioFsStore.Backends.Overlay.Transfer;

namespace VirtioFsStore.Daemon.Images;

/// <summary>A line for each blob that is done with, or waits as a host asked.</summary>
sealed class PushLines(TextWriter output) : IProgress<BlobProgress>
{
    public void Report(BlobProgress value)
    {
        var outcome = value.State switch
        {
            BlobState.Present => "was there",
            BlobState.Sent => "sent",
            BlobState.Held => string.Create(CultureInfo.InvariantCulture, $"waits {Math.Ceiling(value.Wait.TotalSeconds)} s, as it was asked to"),
            _ => null,
        };
        if (outcome is null) return;
        lock (output)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value.Blob.Digest} {outcome}, {value.Blob.Size} bytes{(value.Found > 0 ? $", of which {value.Found} were there" : "")}"));
    }
}
