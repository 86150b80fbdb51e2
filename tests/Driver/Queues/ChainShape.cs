using VirtioFsStore.Driver.Memory;

namespace VirtioFsStore.Driver.Queues;

/// <summary>How a request's bytes are spread over descriptors; a device must not care. Allocates nothing.</summary>
public sealed class ChainShape
{
    enum Kind
    {
        Whole,
        HeaderApart,
        Pages,
        Random,
    }

    readonly Kind _kind;
    readonly Random? _random;
    readonly int _most;

    ChainShape(Kind kind, int most = int.MaxValue, Random? random = null)
    {
        _kind = kind;
        _most = most;
        _random = random;
    }

    /// <summary>One descriptor for each direction.</summary>
    public static ChainShape Whole { get; } = new(Kind.Whole);

    /// <summary>The header, then all the rest: Linux's shape for small requests.</summary>
    public static ChainShape HeaderApart { get; } = new(Kind.HeaderApart);

    /// <summary>The header, then a descriptor for each page of the rest: Linux's shape for data.</summary>
    public static ChainShape Pages { get; } = new(Kind.Pages);

    /// <summary>Pieces of any length, also within headers; at most <paramref name="most"/> for each direction. The same seed gives the same shapes.</summary>
    public static ChainShape Random(int seed, int most = 16) => new(Kind.Random, most, new Random(seed));

    /// <summary>Cuts <paramref name="buffer"/>, of which the first <paramref name="headerLength"/> bytes are the header. Returns the pieces.</summary>
    public int Split(GuestSegment buffer, uint headerLength, Span<GuestSegment> into)
    {
        if (buffer.Length == 0)
            return 0;
        var count = 0;
        var most = Math.Min(_most, into.Length);
        var left = buffer;
        while (count < most - 1)
        {
            var next = _kind switch
            {
                Kind.Whole => left.Length,
                Kind.Random => (uint)_random!.Next(1, (int)Math.Max(2, Math.Min(left.Length, _random.Next(3) == 0 ? 17 : left.Length))),
                _ when count == 0 => headerLength,
                Kind.HeaderApart => left.Length,
                _ => (uint)GuestMemory.PageSize,
            };
            if (next == 0 || next >= left.Length)
                break;
            into[count++] = left with { Length = next };
            left = new GuestSegment(left.Address + next, left.Length - next);
        }
        into[count++] = left;
        return count;
    }
}
