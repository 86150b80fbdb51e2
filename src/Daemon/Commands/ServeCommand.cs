using System.CommandLine;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary><c>virtiofs-store serve</c>: one virtio-fs device for one virtual machine.</summary>
static class ServeCommand
{
    static readonly Argument<string?> s_source = new("SOURCE")
    {
        Description = "What to serve as the root: a directory, or an image: " + ImageReference.Forms + "; also a regular file, which no Linux up to 7.2 can mount. Leave it out where --mount is given.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    static readonly Option<string[]> s_mounts = new("--mount") { Description = "Serve SOURCE at /PATH below an otherwise empty root, e.g. --mount /images/web=oci:web:latest. Can be given several times.", HelpName = "/PATH=SOURCE" };

    public static Command Create()
    {
        var command = new Command(
            "serve",
            "Serve SOURCE to a virtual machine over vhost-user. Ready is the line \"Waiting for vhost-user socket connection\" on stderr; ends when the VMM has disconnected (unless --relisten), or at SIGTERM or SIGINT once what is in flight is finished.");
        command.Add(s_source);
        command.Add(s_mounts);
        DeviceOptions.AddTo(command);
        command.SetAction(parsed => Service.Run(Settings(parsed)));
        return command;
    }

    static ServeSettings Settings(ParseResult parsed)
    {
        var source = parsed.GetValue(s_source);
        var mounts = (parsed.GetValue(s_mounts) ?? []).Select(MountPoint.Parse).ToArray();
        var settings = DeviceOptions.Read(parsed, source, mounts);
        if (source is null == (mounts.Length == 0))
            throw new UsageException("say what to serve: either one SOURCE (the root), or --mount /PATH=SOURCE once or several times");
        return settings;
    }
}
