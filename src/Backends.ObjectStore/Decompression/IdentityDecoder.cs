namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>Data that is not compressed: every offset would do as a seek point.</summary>
sealed class IdentityDecoder(SeekPoint start, int spanSize) : StreamDecoder(start, spanSize)
{
    readonly int _spanSize = spanSize;
    long _nextPoint = start.OutOffset + spanSize;

    public override bool MayEnd => true;

    public override void Decode(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int given)
    {
        taken = given = Math.Min(input.Length, output.Length);
        input[..taken].CopyTo(output);
        InOffset += taken;
        OutOffset += given;
        for (; _nextPoint <= OutOffset; _nextPoint += _spanSize)
            AddPoint(SeekPoint.Fresh(InOffset - (OutOffset - _nextPoint), _nextPoint));
    }

    protected override void Dispose(bool disposing)
    {
    }
}
