using System.Text;
using VirtioFsStore.Driver.Fuse.Wire;

namespace VirtioFsStore.Driver.Fuse;

/// <summary>An entry of a listing; <see cref="Entry"/> is all zero in READDIR, and its node id is 0 in READDIRPLUS where nothing was looked up.</summary>
public sealed record FuseDirectoryEntry(byte[] Name, ulong Ino, ulong Offset, uint Type, FuseEntryOut Entry)
{
    public string Text => Encoding.UTF8.GetString(Name);

    public bool IsDots => Name is [(byte)'.'] or [(byte)'.', (byte)'.'];
}
