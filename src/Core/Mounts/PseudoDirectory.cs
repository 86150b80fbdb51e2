using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Mounts;

/// <summary>A directory of the pseudo root: only there to lead to mount points, and gone with the last of them.</summary>
sealed class PseudoDirectory(ulong position, byte[] name, PseudoDirectory? parent)
{
    /// <summary>Never given to another directory, so that what a guest remembers of one that is gone stays stale.</summary>
    public ulong Position => position;

    public byte[] Name => name;

    public PseudoDirectory Parent => parent ?? this;

    /// <summary>Replaced as a whole at a change; in the order of their positions.</summary>
    public PseudoDirectory[] Children { get; private set; } = [];

    public Mount? Mounted { get; init; }

    /// <summary>When an entry came or went last.</summary>
    public Timestamp Changed { get; private set; } = Now();

    public PseudoDirectory? Find(ReadOnlySpan<byte> child)
    {
        foreach (var candidate in Children)
        {
            if (child.SequenceEqual(candidate.Name))
                return candidate;
        }
        return null;
    }

    public void Add(PseudoDirectory child)
    {
        Children = [.. Children, child];
        Changed = Now();
    }

    public void Remove(PseudoDirectory child)
    {
        Children = [.. Children.Where(other => other != child)];
        Changed = Now();
    }

    static Timestamp Now()
    {
        var ticks = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks;
        return new Timestamp(ticks / TimeSpan.TicksPerSecond, (uint)(ticks % TimeSpan.TicksPerSecond) * 100);
    }
}
