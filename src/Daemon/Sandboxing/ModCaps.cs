using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Commands;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>What <c>--modcaps=+x:-y</c> says: capabilities to keep beyond the usual ones, and of those to drop, as in <see cref="CapabilityNames"/>.</summary>
sealed record ModCaps(IReadOnlyList<string> Added, IReadOnlyList<string> Dropped)
{
    const string Prefix = "CAP_";

    public static ModCaps Unchanged { get; } = new([], []);

    /// <summary>Names with or without "CAP_", in any case. Of one that is named twice the last counts, as in virtiofsd.</summary>
    /// <exception cref="UsageException">It is not such a list, or names something else.</exception>
    public static ModCaps Parse(string text)
    {
        var (added, dropped) = (new List<string>(), new List<string>());
        foreach (var item in text.Split(':'))
        {
            if (item.Length < 2 || item[0] is not ('+' or '-'))
                throw new UsageException($"--modcaps takes capabilities to keep and to drop, such as +sys_admin:-mknod; got '{item}' in '{text}'");
            var name = item[1..].ToUpperInvariant();
            if (name.StartsWith(Prefix, StringComparison.Ordinal))
                name = name[Prefix.Length..];
            if (CapabilityNames.Find(name) < 0)
                throw new UsageException($"--modcaps: there is no capability '{item[1..]}'; there are {string.Join(", ", CapabilityNames.All.Select(known => known.ToLowerInvariant()))}");
            added.Remove(name);
            dropped.Remove(name);
            (item[0] == '+' ? added : dropped).Add(name);
        }
        return new ModCaps(added, dropped);
    }
}
