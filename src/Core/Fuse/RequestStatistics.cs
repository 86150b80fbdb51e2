using System.Globalization;
using System.Text;
using VirtioFsStore.Core.Fuse.Abi;

namespace VirtioFsStore.Core.Fuse;

/// <summary>Requests served since the daemon started, by kind.</summary>
public sealed class RequestStatistics
{
    /// <summary>One more than the highest opcode, and one for those that are unknown.</summary>
    internal const int Kinds = (int)Opcode.FUSE_COPY_FILE_RANGE_64 + 2;

    readonly ulong[] _counts;

    internal RequestStatistics(ulong[] counts) => _counts = counts;

    public ulong this[Opcode opcode] => _counts[IndexOf((uint)opcode)];

    public ulong Total => _counts.Aggregate(0UL, (sum, count) => sum + count);

    /// <summary>E.g. "LOOKUP 120, READ 45", most frequent first.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (count, index) in _counts.Select((count, index) => (count, index)).Where(kind => kind.count > 0).OrderByDescending(kind => kind.count))
        {
            if (text.Length > 0)
                text.Append(", ");
            text.Append(NameOf(index)).Append(' ').Append(count.ToString(CultureInfo.InvariantCulture));
        }
        return text.Length == 0 ? "none" : text.ToString();
    }

    internal static int IndexOf(uint opcode) => opcode < Kinds - 1 ? (int)opcode : Kinds - 1;

    static string NameOf(int index)
    {
        var name = ((Opcode)index).ToString();
        return name.StartsWith("FUSE_", StringComparison.Ordinal) ? name["FUSE_".Length..] : "unknown";
    }
}
