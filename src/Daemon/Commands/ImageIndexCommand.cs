using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Images;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store image index</c>.</summary>
static class ImageIndexCommand
{
    static readonly Argument<string> s_source = new("SOURCE") { Description = ImageReference.Forms };
    static readonly Option<bool> s_push = new("--push") { Description = "Put the indexes beside the image, as blobs that a derived manifest pins: an ordinary image with the same layers, which other hosts start without streaming a layer first." };
    static readonly Option<string?> s_tag = new("--tag") { Description = "What the derived image is called, and nothing else any more. Default: the image's tag with -indexed, or if SOURCE has images for several platforms, with ARCH-indexed, such as v1-arm64-indexed; an image that is indexed already keeps its own.", HelpName = "TAG" };

    public static Command Create()
    {
        var command = new Command("index", "Index the layers of SOURCE in the store, several at a time.");
        command.Add(s_source);
        command.Add(s_push);
        command.Add(s_tag);
        SourceOptions.AddImageOptionsTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var settings = SourceOptions.ReadImageOptions(parsed);
            if (parsed.GetValue(s_tag) is not null && !parsed.GetValue(s_push)) throw new UsageException("--tag names what --push makes; without --push it means nothing");
            if (parsed.GetValue(s_tag) is { } tag && !ImageTag.IsTag(tag)) throw new UsageException($"--tag takes a tag, got '{tag}': {ImageTag.Form}");
            using var loggers = DaemonLogging.Create(LogLevel.Information);
            var logger = loggers.CreateLogger("virtiofs-store");
            using var stop = new StopSignals(logger);
            var request = settings.ToRequest(ImageReference.Parse(parsed.GetValue(s_source)!));
            await new ImageIndexing(Stores.Open(settings.Store), Console.Out).RunAsync(request, parsed.GetValue(s_push), parsed.GetValue(s_tag), logger, stop.Token).ConfigureAwait(false);
            return 0;
        });
        return command;
    }
}
