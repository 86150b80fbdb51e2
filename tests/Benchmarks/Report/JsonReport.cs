using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using VirtioFsStore.Benchmarks.Guest;
using VirtioFsStore.Benchmarks.Measurement;
using VirtioFsStore.Benchmarks.Rows;

namespace VirtioFsStore.Benchmarks.Report;

/// <summary>All that was measured, every round of it, as JSON.</summary>
static class JsonReport
{
    static readonly JsonSerializerOptions s_format = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Write(
        MachineDescription machine, BenchmarkOptions options, IEnumerable<Row> rows, IEnumerable<GuestRow> guest, IEnumerable<MemoryRow> memory,
        IEnumerable<Goal> goals) =>
        new JsonObject
        {
            ["machine"] = JsonSerializer.SerializeToNode(machine, s_format),
            ["rounds"] = options.Rounds,
            ["roundSeconds"] = options.RoundTime.TotalSeconds,
            ["ours"] = Command(options.Ours),
            ["peer"] = Command(options.Peer),
            ["rows"] = new JsonArray([.. rows.Select(Of)]),
            ["guest"] = new JsonArray([.. guest.Select(Of)]),
            ["memory"] = new JsonArray([.. memory.Select(Of)]),
            ["goals"] = new JsonArray([.. goals.Select(goal => JsonSerializer.SerializeToNode(goal, s_format))]),
        }.ToJsonString(s_format);

    static JsonObject Command(Contenders.DaemonCommand command) => new()
    {
        ["program"] = command.Program,
        ["arguments"] = new JsonArray([.. command.Serve("DIRECTORY", "SOCKET").Select(argument => JsonValue.Create(argument))]),
    };

    static JsonObject Of(Row row) => new()
    {
        ["group"] = row.Group.ToString(),
        ["operation"] = row.Operation.Name,
        ["depth"] = row.Depth,
        ["rateUnit"] = row.Operation.IsData ? "MB/s" : "operations/s",
        ["ours"] = Of(row.Ours),
        ["theirs"] = Of(row.Theirs),
        ["floorMicrosecondsPerOperation"] = row.Floor is { } floor ? Of(floor) : null,
        ["rate"] = Of(row.Rate, moreIsBetter: true),
        ["daemonCost"] = Of(row.Cost, moreIsBetter: false),
    };

    static JsonObject Of(Series series) => new()
    {
        ["name"] = series.Name,
        ["requestsPerOperation"] = Number(series.RequestsPerOperation),
        ["rate"] = Of(series.Rate),
        ["daemonMicrosecondsPerOperation"] = Of(series.DaemonCost),
        ["daemonMicrosecondsPerRequest"] = Number(series.DaemonCost.Median / series.RequestsPerOperation),
        ["driverMicrosecondsPerOperation"] = Of(series.DriverCost),
        ["p50Microseconds"] = Number(series.Percentile(0.50)),
        ["p99Microseconds"] = Number(series.Percentile(0.99)),
        ["rounds"] = new JsonArray([.. series.Rounds.Select(round => new JsonObject
        {
            ["seconds"] = Number(round.Seconds),
            ["operations"] = round.Operations,
            ["requests"] = round.Requests,
            ["daemonMicroseconds"] = Number(round.DaemonTime / 1e3),
            ["driverMicroseconds"] = Number(round.DriverTime / 1e3),
        })]),
    };

    static JsonObject Of(GuestRow row) => new()
    {
        ["task"] = row.Task.Name,
        ["series"] = new JsonArray([.. new[] { row.Ours, row.Theirs, row.NineP }.Select(series => new JsonObject
        {
            ["name"] = series.Name,
            ["seconds"] = Of(series.Seconds),
            ["daemonSeconds"] = series.DaemonSeconds is { } time ? Of(time) : null,
            ["rounds"] = new JsonArray([.. series.Rounds.Select(seconds => Number(seconds))]),
        })]),
        ["time"] = Of(row.Time, moreIsBetter: false),
        ["daemonCost"] = Of(row.Cost, moreIsBetter: false),
    };

    static JsonObject Of(MemoryRow row) => new() { ["name"] = row.Name, ["idle"] = row.Idle, ["peak"] = row.Peak, ["after"] = row.After };

    static JsonObject Of(Sample sample) => new()
    {
        ["median"] = Number(sample.Median),
        ["lowerQuartile"] = Number(sample.LowerQuartile),
        ["upperQuartile"] = Number(sample.UpperQuartile),
    };

    static JsonObject Of(Comparison comparison, bool moreIsBetter) => new()
    {
        ["ratio"] = Number(comparison.Ratio),
        ["relativeSpread"] = Number(comparison.RelativeSpread),
        ["verdict"] = comparison.Judge(moreIsBetter).ToString(),
    };

    /// <summary>Five significant digits: the rest is noise.</summary>
    static JsonValue Number(double value) =>
        JsonValue.Create(double.Parse(value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
}
