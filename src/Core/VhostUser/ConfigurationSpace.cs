using System.Runtime.InteropServices;
using System.Text;

namespace VirtioFsStore.Core.VhostUser;

/// <summary>The device's configuration space (virtio 1.3, 5.11.4): the tag, padded with NULs, and the number of request queues.</summary>
sealed class ConfigurationSpace
{
    /// <summary>VHOST_USER_MAX_CONFIG_SIZE of the front ends.</summary>
    public const int MaxSize = 256;

    const int TagSize = 36;

    /// <summary>Past the fields there are zeros, for front ends that ask for more (notify_buf_size: no notification queue).</summary>
    readonly byte[] _bytes = new byte[MaxSize];

    /// <exception cref="ArgumentException">The tag has not 1 to 36 bytes.</exception>
    public ConfigurationSpace(string tag, int requestQueues)
    {
        var length = Encoding.UTF8.GetByteCount(tag);
        if (length is 0 or > TagSize)
            throw new ArgumentException($"A tag has 1 to {TagSize} bytes; '{tag}' has {length}.", nameof(tag));
        Encoding.UTF8.GetBytes(tag, _bytes);
        MemoryMarshal.Write(_bytes.AsSpan(TagSize), (uint)requestQueues);
    }

    /// <summary>False if the range is not in the space.</summary>
    public bool TryRead(uint offset, Span<byte> destination)
    {
        if (offset > MaxSize || destination.Length > MaxSize - offset)
            return false;
        _bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
        return true;
    }
}
