namespace VirtioFsStore.Backends.Overlay.Tar;

/// <summary>What an extended attribute of a member can be.</summary>
static class TarXattr
{
    const int MaxName = 255;
    const int MaxValue = 65536;

    /// <summary>Of one member, names and values. Far more than file systems other than XFS keep; bounds what a header of a few bytes compressed costs.</summary>
    const int MaxBytes = 1 << 20;

    /// <param name="name">As the kernel would see it.</param>
    /// <param name="value">Any bytes.</param>
    /// <param name="total">Bytes of the member's attributes so far; raised by this one's.</param>
    /// <exception cref="TarException">Linux would not take it.</exception>
    public static void Check(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref int total)
    {
        if (name.Length is 0 or > MaxName || name.Contains((byte)0))
            throw new TarException($"an extended attribute's name of {name.Length} bytes is impossible: {TarField.Display(name)}");
        if (value.Length > MaxValue)
            throw new TarException($"the extended attribute {TarField.Display(name)} has {value.Length} bytes, more than the {MaxValue} that Linux takes");
        if ((total += name.Length + value.Length) > MaxBytes)
            throw new TarException($"the extended attributes of one member have more than {MaxBytes} bytes");
    }
}
