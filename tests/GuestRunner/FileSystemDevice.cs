namespace VirtioFsStore.GuestRunner;

/// <summary>A vhost-user-fs device: the guest sees <paramref name="Tag"/>, QEMU connects to the daemon at <paramref name="Socket"/>.</summary>
public sealed record FileSystemDevice(string Tag, string Socket, int RequestQueues = 1)
{
    /// <summary>Reads <c>TAG=SOCKET</c> or <c>TAG=SOCKET,queues=N</c>.</summary>
    /// <exception cref="FormatException">The text is neither.</exception>
    public static FileSystemDevice Parse(string text)
    {
        var parts = text.Split('=', 2);
        if (parts is not [{ Length: > 0 } tag, { Length: > 0 } rest])
        {
            throw new FormatException($"'{text}' is not TAG=SOCKET[,queues=N]");
        }

        const string queuesMark = ",queues=";
        var mark = rest.LastIndexOf(queuesMark, StringComparison.Ordinal);
        if (mark < 0)
        {
            return new(tag, rest);
        }

        return int.TryParse(rest.AsSpan(mark + queuesMark.Length), out var queues) && queues > 0
            ? new(tag, rest[..mark], queues)
            : throw new FormatException($"'{text}': queues must be a positive number");
    }
}
