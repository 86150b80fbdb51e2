using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Images;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store image push</c>.</summary>
static class ImagePushCommand
{
    static readonly Argument<string> s_source = new("SOURCE") { Description = ImageReference.Forms };
    static readonly Argument<string> s_target = new("TARGET") { Description = "oci:PATH[:TAG], docker://HOST/REPO[:TAG] or s3://BUCKET/PREFIX[:TAG]. Without a tag, the image is called there as it is here, or latest." };
    static readonly Option<string?> s_platform = new("--platform") { Description = "Push the image for one platform alone. Default: the whole of what SOURCE names, with the images for all its platforms.", HelpName = "OS/ARCH[/VARIANT]" };
    static readonly Option<bool> s_sourcePlainHttp = new("--src-plain-http") { Description = "Reach the registry of SOURCE by http, and that of TARGET as it is otherwise." };
    static readonly Option<bool> s_targetPlainHttp = new("--dest-plain-http") { Description = "Reach the registry of TARGET by http, and that of SOURCE as it is otherwise." };

    public static Command Create()
    {
        var command = new Command("push", "Copy an image to another place, byte by byte: all digests stay what they are. Blobs that are there already are not sent, so that a push that broke off goes on with those that were not yet there as a whole. Of a large object in a bucket, the next push on this host does not send again what was sent of it; of a blob in a registry, it does. Prints the digest of what was pushed.");
        command.Add(s_source);
        command.Add(s_target);
        command.Add(s_platform);
        command.Add(s_sourcePlainHttp);
        command.Add(s_targetPlainHttp);
        RemoteSourceOptions.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var (source, target) = ReadEnds(parsed);
            var platform = parsed.GetValue(s_platform) is { } text ? Platform.Parse(text) : null;
            using var loggers = DaemonLogging.Create(LogLevel.Warning);
            // An interrupted push says so, and takes what it has written aside away.
            using var stop = new StopSignals(loggers.CreateLogger("virtiofs-store"));
            await ImagePushing.RunAsync(
                ImageReference.Parse(parsed.GetValue(s_source)!), source, platform, ImageReference.Parse(parsed.GetValue(s_target)!), target, Console.Out, stop.Token).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    /// <summary>How each end is reached.</summary>
    internal static (RemoteOptions Source, RemoteOptions Target) ReadEnds(ParseResult parsed)
    {
        var both = RemoteSourceOptions.Read(parsed);
        return (With(s_sourcePlainHttp), With(s_targetPlainHttp));

        RemoteOptions With(Option<bool> plainHttp) =>
            both with { Registry = both.Registry with { PlainHttp = both.Registry.PlainHttp || parsed.GetValue(plainHttp) } };
    }
}
