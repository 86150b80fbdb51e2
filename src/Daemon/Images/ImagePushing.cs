using System.Globalization;
using Spectre.Console;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.ObjectStore.Sources.Resilience;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Transfer;

namespace VirtioFsStore.Daemon.Images;

/// <summary><c>image push</c>: with a bar for each layer on a terminal, else with a line for each that is done. Both go to stderr.</summary>
static class ImagePushing
{
    public static async Task RunAsync(
        ImageReference from, RemoteOptions fromOptions, Platform? platform, ImageReference to, RemoteOptions toOptions, TextWriter output, CancellationToken cancellation)
    {
        var endpoints = ImagePlace.Endpoints();
        var source = ImageSources.Open(from, fromOptions, endpoints);
        await using (source.ConfigureAwait(false))
        {
            var target = ImageSources.Open(to, toOptions, endpoints);
            await using (target.ConfigureAwait(false))
            {
                var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
                var result = Console.IsErrorRedirected
                    ? await new ImagePush(source, target, new PushLines(Console.Error)).RunAsync(from, platform, to, cancellation).ConfigureAwait(false)
                    : await PushBars.ShowAsync(console, bars => new ImagePush(source, target, bars).RunAsync(from, platform, to, cancellation)).ConfigureAwait(false);
                await Console.Error.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{to with { Tag = result.Tag }}: {result.BlobsSent} blobs with {result.BytesSent} bytes sent, {result.BlobsPresent} were there")).ConfigureAwait(false);
                await output.WriteLineAsync(result.Digest.ToString()).ConfigureAwait(false);
            }
        }
    }
}
