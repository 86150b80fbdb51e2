namespace VirtioFsStore.GuestRunner;

/// <summary>A virtio-fs device: the guest sees <paramref name="Tag"/>, QEMU connects to the daemon at <paramref name="Socket"/>.</summary>
/// <param name="Tag">Up to 36 bytes.</param>
/// <param name="Socket">The daemon's.</param>
/// <param name="RequestQueues">How many the device has, without hiprio.</param>
/// <param name="Window">With a DAX window, which the daemon sizes. Only QEMU's generic vhost-user device has one: the daemon tells it the tag,
/// too, and how many queues the guest should use.</param>
public sealed record FileSystemDevice(string Tag, string Socket, int RequestQueues = 1, bool Window = false)
{
    const string QueuesMark = "queues=";
    const string WindowMark = "dax";

    /// <summary>Reads <c>TAG=SOCKET</c>, and after it <c>,queues=N</c> and <c>,dax</c>.</summary>
    /// <exception cref="FormatException">The text is no such.</exception>
    public static FileSystemDevice Parse(string text)
    {
        if (text.Split('=', 2) is not [{ Length: > 0 } tag, { Length: > 0 } rest]) throw Bad("is not TAG=SOCKET[,queues=N][,dax]");
        var device = new FileSystemDevice(tag, rest);
        while (device.Socket.LastIndexOf(',') is >= 0 and var comma)
        {
            var option = device.Socket[(comma + 1)..];
            if (option == WindowMark) device = device with { Window = true };
            else if (!option.StartsWith(QueuesMark, StringComparison.Ordinal)) break;
            else if (int.TryParse(option.AsSpan(QueuesMark.Length), out var queues) && queues > 0) device = device with { RequestQueues = queues };
            else throw Bad("queues must be a positive number");
            device = device with { Socket = device.Socket[..comma] };
        }

        return device.Socket.Length > 0 ? device : throw Bad("has no socket");

        FormatException Bad(string why) => new($"'{text}': {why}");
    }
}
