using System.Diagnostics;
using System.Globalization;
using VirtioFsStore.GuestRunner;

namespace VirtioFsStore.Benchmarks.Guest;

/// <summary>A guest's shell, asked line by line and timed by this host's clock.</summary>
sealed class GuestSession(GuestMachine machine)
{
    /// <summary>What the guest runs, after its own preparations.</summary>
    public const string Loop = """

        number=0
        echo "[0 end-0]"
        while read -r line; do
            number=$((number + 1))
            eval "$line"
            echo "[$? end-$number]"
        done
        """;

    int _number;

    public Accelerator Accelerator => machine.Accelerator;

    public Task WaitReadyAsync() => machine.WaitForOutputAsync(Marker(0));

    /// <summary>Runs one line of shell text to its end.</summary>
    /// <exception cref="InvalidOperationException">Its status was not 0, or the guest died.</exception>
    public async Task<TimeSpan> RunAsync(string text)
    {
        var marker = Marker(++_number);
        var start = Stopwatch.GetTimestamp();
        await machine.SendLineAsync(text).ConfigureAwait(false);
        await machine.WaitForOutputAsync(marker).ConfigureAwait(false);
        var elapsed = Stopwatch.GetElapsedTime(start);
        var output = machine.Output;
        var line = output[(output.LastIndexOf('[', output.IndexOf(marker, StringComparison.Ordinal)) + 1)..];
        if (!line.StartsWith("0 ", StringComparison.Ordinal))
            throw new InvalidOperationException($"In the guest, '{text}' failed. It wrote: {output}");
        return elapsed;
    }

    static string Marker(int number) => string.Create(CultureInfo.InvariantCulture, $" end-{number}]");
}
