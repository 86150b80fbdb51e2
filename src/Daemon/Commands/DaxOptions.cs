using System.CommandLine;
using VirtioFsStore.Core.Transport;
using VirtioFsStore.Core.VhostUser;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The options about files that are mapped into the guest's memory.</summary>
static class DaxOptions
{
    static readonly Option<string?> s_window = new("--dax-window") { Description = "Have the VMM make a window of this size, a multiple of 2M such as 512M, into which files are mapped (DAX): the guest then reads them with no request, where this host caches them (for what QEMU 11.1 copies instead see --dax-share). At most 896M of it where anything but one image is served. For QEMU's generic device, from 11.1 on, which needs --tag too.", HelpName = "SIZE" };
    static readonly Option<string> s_minimum = new("--dax-min") { Description = "Smaller files than this are read rather than mapped, where the guest leaves it to this daemon (it mounts without dax=, or with dax=inode). Of directories, only files of whole pages in read-only ones (--readonly), and with QEMU 11.1 none.", DefaultValueFactory = _ => "64K", HelpName = "SIZE" };
    static readonly Option<bool> s_writable = new("--dax-writable") { Description = "Have files of whole pages mapped in directories that the guest may write to, too, where it leaves that to this daemon: for directories of databases and disk images. A write that would make such a file end within a page, beyond what is mapped of it, fails (EOPNOTSUPP) with QEMU 11.1." };
    static readonly Option<string> s_share = Choices.Create("--dax-share", "What guests map of images, for VMMs that map only what is open for writing (QEMU 11.1): one copy for all guests of this host (auto; where the guest leaves it to this daemon which files it maps, all of the image is in the store, and the store is on ext4: its content is made immutable, as by chattr +i, until the VMM has ended), or always a copy for each guest (never).", "auto", "auto", "never");
    static readonly Option<string> s_protocol = Choices.Create("--dax-protocol", "How the VMM is asked to map: shmem (as vhost-user says), slave-fs (as VMMs of 2019 to 2022 had it; the window then has the size that the VMM gave it, which --dax-window must repeat).", "shmem", "shmem", "slave-fs");

    public static void AddTo(Command command)
    {
        command.Add(s_window);
        command.Add(s_minimum);
        command.Add(s_writable);
        command.Add(s_share);
        command.Add(s_protocol);
    }

    /// <param name="parsed">The command line.</param>
    /// <param name="isOneImage">One image is all that is served: of its window QEMU holds few parts, however large it is.</param>
    /// <param name="hasTag">The daemon tells the tag.</param>
    public static DaxSettings Read(ParseResult parsed, bool isOneImage, bool hasTag)
    {
        var window = parsed.GetValue(s_window) is { } text ? (ulong)ByteSize.Parse(s_window.Name, text) : 0;
        if (window != 0 && !DaxRange.IsWindow(window))
            throw new UsageException($"{s_window.Name} takes a multiple of 2M, at most {ByteSize.Format((long)DaxRange.MaxWindow)}; got '{parsed.GetValue(s_window)}'");
        var dialect = parsed.GetValue(s_protocol) == "slave-fs" ? WindowDialect.SlaveFs : WindowDialect.SharedMemory;
        if (window != 0 && dialect == WindowDialect.SharedMemory && !hasTag)
            throw new UsageException($"{s_window.Name} needs --tag: VMMs that make windows (QEMU's generic device) take the tag from this daemon");
        return new DaxSettings
        {
            // A guest fills a window with mappings, of which QEMU survives so many; what one image alone has is few.
            Window = isOneImage || dialect == WindowDialect.SlaveFs ? window : Math.Min(window, DaxRange.MaxMappedWindow),
            Wanted = window,
            Dialect = dialect,
        };
    }

    /// <summary>What is said of the sources' files.</summary>
    public static SourceSettings ReadSources(ParseResult parsed, SourceSettings sources) => sources with
    {
        DaxMinimum = (ulong)ByteSize.Parse(s_minimum.Name, parsed.GetValue(s_minimum)!),
        DaxWritable = parsed.GetValue(s_writable),
        DaxShare = parsed.GetValue(s_share) != "never",
    };
}
