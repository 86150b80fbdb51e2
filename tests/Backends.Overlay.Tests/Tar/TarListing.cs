using System.Globalization;
using System.Text;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Tar;

namespace VirtioFsStore.Backends.Overlay.Tests.Tar;

/// <summary>Collects what a parser finds, with every file's content as it would read.</summary>
sealed class TarListing : ITarSink
{
    public List<Member> Members { get; } = [];

    public sealed record Member(
        string Path, TarEntryType Type, uint Mode, uint Uid, uint Gid, long Mtime, uint Nanoseconds, uint Major, uint Minor,
        long Size, string Link, IReadOnlyList<TarExtent>? Extents)
    {
        public Dictionary<string, string> Xattrs { get; } = [];

        public byte[] Content { get; init; } = [];

        public bool Ended { get; set; }

        public string Text => Encoding.Latin1.GetString(Content);
    }

    /// <summary>Parses in pieces of one size; 0 for all at once.</summary>
    public static List<Member> Parse(byte[] tar, int step = 0)
    {
        var listing = new TarListing();
        var parser = new TarParser(listing);
        if (step == 0) step = Math.Max(1, tar.Length);
        for (var position = 0; position < tar.Length; position += step)
            parser.Feed(tar.AsSpan(position, Math.Min(step, tar.Length - position)));
        parser.Complete();
        if (parser.Offset != tar.Length) throw new InvalidOperationException("the parser lost count");
        return listing.Members;
    }

    public static string Describe(IEnumerable<Member> members) => string.Join("\n", members.Select(member => string.Create(
        CultureInfo.InvariantCulture, $"{member} {Convert.ToHexString(member.Content)} {string.Join(',', member.Xattrs)}")));

    public void BeginEntry(TarEntry entry)
    {
        var member = new Member(
            Encoding.Latin1.GetString(entry.Path), entry.Type, entry.Mode, entry.Uid, entry.Gid, entry.MtimeSeconds, entry.MtimeNanoseconds,
            entry.DeviceMajor, entry.DeviceMinor, entry.Size, Encoding.Latin1.GetString(entry.Link), entry.Extents?.ToList())
        {
            Content = entry.Size <= 1 << 20 ? new byte[entry.Size] : [],
        };
        foreach (var xattr in new XattrList(XattrList.Encode(entry.Xattrs)))
            member.Xattrs[Encoding.Latin1.GetString(xattr.Name)] = Encoding.Latin1.GetString(xattr.Value);
        Members.Add(member);
    }

    public void Data(long fileOffset, long streamOffset, ReadOnlySpan<byte> data)
    {
        if (Members[^1].Content.Length > 0) data.CopyTo(Members[^1].Content.AsSpan((int)fileOffset));
    }

    public void EndEntry() => Members[^1].Ended = true;
}
