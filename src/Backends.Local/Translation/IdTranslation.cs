using System.Globalization;

namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>
/// User or group ids as the guest and as the host has them, by the rules of virtiofsd's <c>--translate-uid</c>. What no rule is about
/// is the same on both sides; each direction is its own.
/// </summary>
public sealed class IdTranslation
{
    /// <summary>Sorted by id, none overlapping.</summary>
    readonly IdRange[] _toHost;
    readonly IdRange[] _toGuest;

    IdTranslation(IdRange[] toHost, IdRange[] toGuest)
    {
        _toHost = toHost;
        _toGuest = toGuest;
    }

    /// <param name="rules">
    /// Each <c>TYPE:SOURCE:TARGET:COUNT</c> with guest, host, squash-guest, squash-host or map (guest's first, host's second) for a type,
    /// or <c>forbid-guest:SOURCE:COUNT</c>. In place of the colon any one sign that a number cannot hold.
    /// </param>
    /// <exception cref="FormatException">A rule makes no sense, or two are about the same ids; the message says which.</exception>
    public static IdTranslation Parse(IEnumerable<string> rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        var (toHost, toGuest) = (new List<IdRange>(), new List<IdRange>());
        foreach (var rule in rules)
        {
            var (type, numbers) = Split(rule);
            var expected = type == "forbid-guest" ? 2 : 3;
            if (numbers.Length != expected)
                throw new FormatException($"'{rule}' has {numbers.Length} numbers, and must have {expected}");
            var (first, target, count) = (numbers[0], expected == 2 ? 0 : numbers[1], numbers[^1]);
            switch (type)
            {
                case "guest":
                    Add(toHost, rule, first, target, count, IdRangeKind.Shift);
                    break;
                case "host":
                    Add(toGuest, rule, first, target, count, IdRangeKind.Shift);
                    break;
                case "squash-guest":
                    Add(toHost, rule, first, target, count, IdRangeKind.Squash);
                    break;
                case "squash-host":
                    Add(toGuest, rule, first, target, count, IdRangeKind.Squash);
                    break;
                case "forbid-guest":
                    Add(toHost, rule, first, target, count, IdRangeKind.Forbid);
                    break;
                case "map":
                    Add(toHost, rule, first, target, count, IdRangeKind.Shift);
                    Add(toGuest, rule, target, first, count, IdRangeKind.Shift);
                    break;
                default:
                    throw new FormatException($"'{rule}' is of no type there is: guest, host, squash-guest, squash-host, forbid-guest, map");
            }
        }
        return new IdTranslation([.. toHost.OrderBy(range => range.First)], [.. toGuest.OrderBy(range => range.First)]);
    }

    /// <summary>The host's id for one of the guest's. False: the guest may not use it.</summary>
    public bool TryToHost(uint id, out uint host) => TryTranslate(_toHost, id, out host);

    /// <summary>The guest's id for one of the host's.</summary>
    public uint ToGuest(uint id)
    {
        _ = TryTranslate(_toGuest, id, out var guest);
        return guest;
    }

    static bool TryTranslate(IdRange[] ranges, uint id, out uint translated)
    {
        translated = id;
        var (low, high) = (0, ranges.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            ref readonly var range = ref ranges[middle];
            if (id < range.First)
            {
                high = middle - 1;
            }
            else if (id > range.Last)
            {
                low = middle + 1;
            }
            else
            {
                translated = range.Kind == IdRangeKind.Shift ? range.Target + (id - range.First) : range.Target;
                return range.Kind != IdRangeKind.Forbid;
            }
        }
        return true;
    }

    static void Add(List<IdRange> ranges, string rule, uint first, uint target, uint count, IdRangeKind kind)
    {
        if (count == 0)
            return;
        // The id 2³² − 1 is nobody's: to the kernel it means "none".
        if (count > uint.MaxValue - first || (kind == IdRangeKind.Shift && count > uint.MaxValue - target))
            throw new FormatException($"'{rule}' goes beyond the last id, {uint.MaxValue - 1}");
        var added = new IdRange(first, first + count - 1, target, kind);
        if (ranges.Exists(range => range.First <= added.Last && added.First <= range.Last))
            throw new FormatException($"'{rule}' is about ids that an earlier rule is about already");
        ranges.Add(added);
    }

    static (string Type, uint[] Numbers) Split(string rule)
    {
        var end = 0;
        while (end < rule.Length && (char.IsLetterOrDigit(rule[end]) || rule[end] is '-' or '_'))
            end++;
        if (end == rule.Length)
            throw new FormatException($"'{rule}' is no rule; one is such as map:0:100000:65536");
        var numbers = rule[(end + 1)..].Split(rule[end]);
        return (rule[..end].ToLowerInvariant(), Array.ConvertAll(numbers, text => Number(rule, text)));
    }

    static uint Number(string rule, string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{text}' in '{rule}' is no id and no count");
}
