using System.Globalization;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Logging;

namespace VirtioFsStore.Daemon.Images;

/// <summary>A table of what a cache has, a line a layer, and a summary.</summary>
sealed class CacheReport(TextWriter output)
{
    readonly List<LayerReport> _layers = [];

    /// <summary>Pieces.</summary>
    public long Damaged => _layers.Sum(layer => layer.Damaged);

    /// <summary>Layers that cannot be used.</summary>
    public int Problems => _layers.Count(layer => layer.Problem is not null);

    public void Add(LayerReport layer) => _layers.Add(layer);

    /// <param name="work">What was done.</param>
    /// <param name="result">What a collection did.</param>
    public void Complete(CacheWork work, CollectResult result)
    {
        List<string[]> rows = [["LAYER", "PIECES", "PRESENT", "TO VERIFY", "ON DISK", "OF", "IN USE", .. work.Kind == CacheWorkKind.Verify ? ["DAMAGED"] : Array.Empty<string>()]];
        foreach (var layer in _layers.OrderBy(layer => layer.Layer, StringComparer.Ordinal))
        {
            rows.Add(
            [
                layer.Layer, Number(layer.Pieces), Number(layer.Present), Number(layer.Suspect), ByteSize.Format(layer.AllocatedBytes), ByteSize.Format(layer.ContentSize),
                layer.IsOpen ? "yes" : "no", .. work.Kind == CacheWorkKind.Verify ? [Number(layer.Damaged)] : Array.Empty<string>(),
            ]);
        }
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        foreach (var layer in _layers.Where(layer => layer.Problem is not null))
            output.WriteLine($"{layer.Layer}: {PlainText.Of(layer.Problem!)}");
        output.WriteLine(Summary(work, result));
    }

    string Summary(CacheWork work, CollectResult result) => work.Kind switch
    {
        CacheWorkKind.Collect => string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Pieces} pieces dropped: {ByteSize.Format(result.Before)} before, {ByteSize.Format(result.After)} now{(result.After > work.KeepBytes ? $"; {result.Pinned} pieces could not be dropped, since guests have them mapped" : "")}"),
        CacheWorkKind.Verify => Damaged == 0
            ? string.Create(CultureInfo.InvariantCulture, $"all of {_layers.Sum(layer => layer.Present)} pieces are right")
            : string.Create(CultureInfo.InvariantCulture, $"{Damaged} damaged pieces were dropped: they are fetched again when they are read"),
        _ => string.Create(
            CultureInfo.InvariantCulture, $"{_layers.Count} layers, {ByteSize.Format(_layers.Sum(layer => layer.AllocatedBytes))} on the disk"),
    };

    static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
