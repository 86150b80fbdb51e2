using System.Globalization;
using VirtioFsStore.Backends.Overlay.Transfer;

namespace VirtioFsStore.Daemon.Images;

/// <summary>A line for each blob that is done with.</summary>
sealed class PushLines(TextWriter output) : IProgress<BlobProgress>
{
    public void Report(BlobProgress value)
    {
        var outcome = value.State switch { BlobState.Present => "was there", BlobState.Sent => "sent", _ => null };
        if (outcome is null) return;
        lock (output)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value.Blob.Digest} {outcome}, {value.Blob.Size} bytes"));
    }
}
