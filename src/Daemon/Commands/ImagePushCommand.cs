using System.CommandLine;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Images;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store image push</c>.</summary>
static class ImagePushCommand
{
    static readonly Argument<string> s_source = new("SOURCE") { Description = ImageReference.Forms };
    static readonly Argument<string> s_target = new("TARGET") { Description = "oci:PATH[:TAG], docker://HOST/REPO[:TAG] or s3://BUCKET/PREFIX[:TAG]. Without a tag, the image is called there as it is here, or latest." };
    static readonly Option<string?> s_platform = new("--platform") { Description = "Push the image for one platform alone. Default: the whole of what SOURCE names, with the images for all its platforms.", HelpName = "OS/ARCH[/VARIANT]" };

    public static Command Create()
    {
        var command = new Command("push", "Copy an image to another place, byte by byte: all digests stay what they are. Blobs that are there already are not sent, and a push that broke off goes on where it stopped. Prints the digest of what was pushed.");
        command.Add(s_source);
        command.Add(s_target);
        command.Add(s_platform);
        RemoteSourceOptions.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var platform = parsed.GetValue(s_platform) is { } text ? Platform.Parse(text) : null;
            await ImagePushing.RunAsync(
                ImageReference.Parse(parsed.GetValue(s_source)!), platform, ImageReference.Parse(parsed.GetValue(s_target)!),
                RemoteSourceOptions.Read(parsed), Console.Out, stop).ConfigureAwait(false);
            return 0;
        });
        return command;
    }
}
