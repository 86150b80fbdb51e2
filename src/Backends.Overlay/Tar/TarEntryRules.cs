namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>What a parser sees to by the way it reads, for members that come from elsewhere: an index that somebody else made.</summary>
static class TarEntryRules
{
    const uint MaxMode = 0xfff;

    /// <exception cref="TarException">No tar stream could give such a member.</exception>
    public static void Check(TarEntry entry)
    {
        var regular = entry.Type == TarEntryType.Regular;
        var device = entry.Type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice;
        var link = entry.Type is TarEntryType.HardLink or TarEntryType.Symlink;
        Require(entry, entry.Type is >= TarEntryType.Regular and <= TarEntryType.Fifo, "type");
        Require(entry, !entry.Path.AsSpan().Contains((byte)0), "path");
        Require(entry, entry.Mode <= MaxMode, "mode");
        // The highest means "no change" to chown and cannot be an owner.
        Require(entry, entry.Uid < uint.MaxValue && entry.Gid < uint.MaxValue, "owner");
        Require(entry, entry.MtimeNanoseconds < 1_000_000_000, "time");
        Require(entry, device ? entry.DeviceMajor <= TarParser.MaxMajor && entry.DeviceMinor <= TarParser.MaxMinor : entry.DeviceMajor == 0 && entry.DeviceMinor == 0, "device number");
        Require(entry, regular ? entry.Size is >= 0 and <= TarParser.MaxFileSize : entry.Size == 0 && entry.Extents is null, "size");
        Require(entry, link ? !entry.Link.AsSpan().Contains((byte)0) : entry.Link.Length == 0, "link");
        var total = 0;
        foreach (var (name, value) in entry.Xattrs)
            TarXattr.Check(name, value, ref total);
    }

    static void Require(TarEntry entry, bool holds, string what)
    {
        if (!holds) throw new TarException($"the {what} of {TarField.Display(entry.Path)} is impossible");
    }
}
