using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Daemon.Images;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store image …</c>: looking at images, copying, removing, indexing and proving them.</summary>
static class ImageCommand
{
    static readonly Argument<string> s_source = new("SOURCE") { Description = ImageReference.Forms };
    static readonly Option<string?> s_temporary = new("--tmpdir") { Description = "Where the references are unpacked; needs room for the whole image twice. Default: $TMPDIR or /tmp.", HelpName = "DIR" };

    public static Command Create()
    {
        var image = new Command("image", "Look at images, copy, remove and index them, and compare what is served of one with what other programs unpack.");
        image.Add(CreateList());
        image.Add(CreateInspect());
        image.Add(CreateCheck());
        image.Add(ImagePushCommand.Create());
        image.Add(CreateRemove());
        image.Add(ImageIndexCommand.Create());
        return image;
    }

    static Command CreateList()
    {
        var command = new Command("ls", "List the images of SOURCE, a line for each platform: tag, platform, number of layers, compressed size in bytes, digest of what the tag names.");
        command.Add(s_source);
        RemoteSourceOptions.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            await ImageListing.RunAsync(Reference(parsed), RemoteSourceOptions.Read(parsed), Console.Out, stop).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    static Command CreateInspect()
    {
        var command = new Command("inspect", "Show one image as JSON: configuration, layers, and what the store has of them.");
        command.Add(s_source);
        SourceOptions.AddImageOptionsTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var settings = SourceOptions.ReadImageOptions(parsed);
            var output = Console.OpenStandardOutput();
            await using (output.ConfigureAwait(false))
                await ImageInspection.RunAsync(Reference(parsed), settings, Stores.OpenExisting(settings.Store), output, stop).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    static Command CreateCheck()
    {
        var command = new Command("check", "Compare what is served of an image with a reference unpack by GNU tar, layer by layer, and by umoci where it is installed: every attribute, xattr and byte. Prints each difference; exit code 1 if there is one. Needs root.");
        command.Add(s_source);
        SourceOptions.AddImageOptionsTo(command);
        command.Add(s_temporary);
        command.SetAction(async (parsed, _) =>
        {
            var settings = SourceOptions.ReadImageOptions(parsed);
            var temporary = parsed.GetValue(s_temporary) ?? Path.GetTempPath();
            if (!Directory.Exists(temporary)) throw new DirectoryNotFoundException($"cannot unpack references in '{temporary}': there is no such directory; name another with {s_temporary.Name}");
            using var loggers = DaemonLogging.Create(LogLevel.Information);
            var logger = loggers.CreateLogger("virtiofs-store");
            // An interrupted check takes what it has unpacked away.
            using var stop = new StopSignals(logger);
            var keeper = new LocalKeeper(Stores.Open(settings.Store));
            await using var keeperEnds = keeper.ConfigureAwait(false);
            var options = new ImageCheckOptions { TemporaryFolder = temporary };
            var progress = new LayerProgressLog(logger);
            var differences = await new ImageCheck(keeper, options, Console.Out).RunAsync(settings.ToRequest(Reference(parsed)), progress, stop.Token).ConfigureAwait(false);
            return differences == 0 ? 0 : ProgramCommand.Failed;
        });
        return command;
    }

    static Command CreateRemove()
    {
        var command = new Command("rm", "Remove the image that SOURCE names: with a tag that name, with a digest all its names. What no other image there needs is deleted too; a registry does that by itself, where it allows to remove anything.");
        command.Add(s_source);
        RemoteSourceOptions.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var reference = Reference(parsed);
            var place = ImagePlace.Open(reference, RemoteSourceOptions.Read(parsed));
            await using (place.ConfigureAwait(false))
                await place.RemoveAsync(reference, stop).ConfigureAwait(false);
            await Console.Out.WriteLineAsync($"{PlainText.Of(reference.ToString())} removed".AsMemory(), stop).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    static ImageReference Reference(ParseResult parsed) => ImageReference.Parse(parsed.GetValue(s_source)!);
}
