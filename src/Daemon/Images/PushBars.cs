using System.Globalization;
using Spectre.Console;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Transfer;

namespace VirtioFsStore.Daemon.Images;

/// <summary>A progress bar for each blob.</summary>
sealed class PushBars(ProgressContext context) : IProgress<BlobProgress>
{
    /// <summary>Of a digest, as tools show it.</summary>
    const int ShownDigits = 12;

    readonly Lock _lock = new();
    readonly Dictionary<Digest, ProgressTask> _bars = [];

    /// <summary>Shows bars as long as <paramref name="work"/> lasts; they stay on the screen.</summary>
    public static Task<T> ShowAsync<T>(IAnsiConsole console, Func<PushBars, Task<T>> work) =>
        console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn())
            .StartAsync(context => work(new PushBars(context)));

    public void Report(BlobProgress value)
    {
        lock (_lock)
        {
            if (!_bars.TryGetValue(value.Blob.Digest, out var bar))
                _bars[value.Blob.Digest] = bar = context.AddTask(value.Blob.Digest.Hex[..ShownDigits], autoStart: false, maxValue: Math.Max(1, value.Blob.Size));
            if (value.State == BlobState.Waiting) return;
            if (!bar.IsStarted) bar.StartTask();
            bar.Description = $"{value.Blob.Digest.Hex[..ShownDigits]} {Outcome(value)}".TrimEnd();
            bar.Value = value.State is BlobState.Present or BlobState.Sent ? bar.MaxValue : value.Bytes;
            if (value.State is BlobState.Present or BlobState.Sent) bar.StopTask();
        }
    }

    static string Outcome(BlobProgress value) => value.State switch
    {
        BlobState.Present => "was there",
        BlobState.Sent => "sent",
        BlobState.Held => string.Create(CultureInfo.InvariantCulture, $"waits {Math.Ceiling(value.Wait.TotalSeconds)} s"),
        _ => "",
    };
}
