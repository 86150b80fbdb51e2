using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>Writes one zstd frame, however long.</summary>
sealed unsafe class ZstdFrameWriter : IDisposable
{
    readonly byte[] _output = new byte[1 << 20];
    readonly Stream _target;
    void* _context = Zstd.CreateCompressor();

    /// <param name="target">Where to.</param>
    /// <param name="windowLog">What the frame says that a decoder needs, as a power of two.</param>
    public ZstdFrameWriter(Stream target, int windowLog = 21)
    {
        _target = target;
        Zstd.SetCompressorParameter(_context, Zstd.WindowLog, windowLog);
    }

    public void Write(ReadOnlySpan<byte> bytes) => Run(bytes, Zstd.Continue);

    public void Complete() => Run([], Zstd.End);

    public void Dispose()
    {
        Zstd.FreeCompressor(_context);
        _context = null;
    }

    void Run(ReadOnlySpan<byte> bytes, int directive)
    {
        fixed (byte* source = bytes)
        fixed (byte* output = _output)
        {
            var input = new ZstdBuffer(source, (nuint)bytes.Length);
            nuint left;
            do
            {
                var into = new ZstdBuffer(output, (nuint)_output.Length);
                left = Zstd.CompressStream(_context, &into, &input, directive);
                if (Zstd.IsError(left)) throw new InvalidOperationException(Zstd.ErrorName(left));
                _target.Write(_output, 0, (int)into.Position);
            }
            while (directive == Zstd.End ? left > 0 : input.Position < (nuint)bytes.Length);
        }
    }
}
