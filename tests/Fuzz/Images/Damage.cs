namespace VirtioFsStore.Fuzz.Images;

/// <summary>Bytes that became others: single bits and bytes, runs, pieces of elsewhere.</summary>
static class Damage
{
    public static void Overwrite(Random random, Span<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        for (var i = random.Next(1, random.Next(4) == 0 ? 200 : 6); i > 0; i--)
        {
            var at = random.Next(bytes.Length);
            var count = Math.Min(random.Next(1, 64), bytes.Length - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.Slice(at, Math.Min(count, 16)).Fill((byte)(random.Next(2) == 0 ? 0xff : 0));
                    break;
                case 3:
                    bytes.Slice(random.Next(bytes.Length - count + 1), count).CopyTo(bytes[at..]);
                    break;
                case 4:
                    BitConverter.TryWriteBytes(bytes.Slice(at, Math.Min(8, bytes.Length - at)), random.NextInt64());
                    break;
                default:
                    // Texts hold numbers.
                    bytes[at] = (byte)('0' + random.Next(10));
                    break;
            }
        }
    }

    /// <summary>The same, or cut, or with something put in.</summary>
    public static byte[] Of(Random random, byte[] bytes)
    {
        var copy = bytes.ToArray();
        if (random.Next(3) != 0)
            Overwrite(random, copy);
        switch (random.Next(8))
        {
            case 0:
                return copy[..random.Next(copy.Length + 1)];
            case 1:
                var at = random.Next(copy.Length + 1);
                var from = random.Next(copy.Length + 1);
                return [.. copy[..at], .. copy[from..Math.Min(copy.Length, from + random.Next(2000))], .. copy[at..]];
            default:
                return copy;
        }
    }
}
