namespace VirtioFsStore.Core.Storage;

/// <summary>Takes the entries of a directory until the guest's buffer is full.</summary>
public abstract class DirectoryWriter
{
    /// <summary>READDIRPLUS: entries come with attributes and count as lookups; else only name, ino and type.</summary>
    public abstract bool Plus { get; }

    /// <summary>Whether an entry with a name of that many bytes still fits: ask before a lookup is made for it.</summary>
    public abstract bool HasRoom(int nameLength);

    /// <summary>Adds a name alone. In a READDIRPLUS reply too: the guest then looks it up when it needs to ("." and "..", and what could not be looked up).</summary>
    /// <param name="name">1–255 bytes.</param>
    /// <param name="ino">As in <see cref="NodeAttributes.Ino"/>.</param>
    /// <param name="type">DT_*; 0 if not known.</param>
    /// <param name="nextOffset">Where a later READDIR goes on after this entry: never 0.</param>
    /// <returns>False if it did not fit.</returns>
    public abstract bool Add(ReadOnlySpan<byte> name, ulong ino, uint type, ulong nextOffset);

    /// <summary>Adds a name with its entry (READDIRPLUS only): one lookup of <see cref="Entry.Node"/> if the result is true.</summary>
    public abstract bool Add(ReadOnlySpan<byte> name, in Entry entry, ulong nextOffset);
}
