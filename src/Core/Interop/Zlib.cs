using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>Decompression by the system's zlib, which alone shows block boundaries and the window (zlib.h, examples/zran.c).
/// Results are zlib's own: Z_OK, Z_STREAM_END, or negative.</summary>
public static unsafe partial class Zlib
{
    public const int Z_NO_FLUSH = 0;
    public const int Z_BLOCK = 5;
    public const int Z_OK = 0;
    public const int Z_STREAM_END = 1;
    public const int Z_NEED_DICT = 2;
    public const int Z_DATA_ERROR = -3;
    public const int Z_MEM_ERROR = -4;
    public const int Z_BUF_ERROR = -5;

    /// <summary>windowBits for a gzip wrapper and nothing else.</summary>
    public const int GzipWindowBits = 15 + 16;

    /// <summary>windowBits for bare deflate data.</summary>
    public const int RawWindowBits = -15;

    /// <summary>Of <see cref="ZlibStream.DataType"/>: how many bits of the last input byte are not used yet.</summary>
    public const int UnusedBitsMask = 7;

    /// <summary>Of <see cref="ZlibStream.DataType"/>: inside the member's last block.</summary>
    public const int InLastBlock = 64;

    /// <summary>Of <see cref="ZlibStream.DataType"/>: right behind a block or the header.</summary>
    public const int AtBlockBoundary = 128;

    /// <summary>The most that deflate refers back to.</summary>
    public const int WindowSize = 32768;

    public static int InitializeInflate(ZlibStream* stream, int windowBits)
    {
        // The version's first digit and the structure's size are what zlib compares.
        fixed (byte* version = "1.2.11\0"u8)
            return inflateInit2_(stream, windowBits, version, sizeof(ZlibStream));
    }

    public static int Inflate(ZlibStream* stream, int flush) => inflate(stream, flush);

    public static int ResetInflate(ZlibStream* stream, int windowBits) => inflateReset2(stream, windowBits);

    public static int EndInflate(ZlibStream* stream) => inflateEnd(stream);

    public static int PrimeInflate(ZlibStream* stream, int bits, int value) => inflatePrime(stream, bits, value);

    public static int SetInflateDictionary(ZlibStream* stream, byte* dictionary, uint length) =>
        inflateSetDictionary(stream, dictionary, length);

    /// <param name="stream">Of a running inflation.</param>
    /// <param name="dictionary">Room for <see cref="WindowSize"/> bytes.</param>
    /// <param name="length">Receives how many of them there are.</param>
    public static int GetInflateDictionary(ZlibStream* stream, byte* dictionary, uint* length) =>
        inflateGetDictionary(stream, dictionary, length);

    [LibraryImport("libz.so.1")]
    private static partial int inflateInit2_(ZlibStream* stream, int windowBits, byte* version, int size);

    [LibraryImport("libz.so.1")]
    private static partial int inflate(ZlibStream* stream, int flush);

    [LibraryImport("libz.so.1")]
    private static partial int inflateReset2(ZlibStream* stream, int windowBits);

    [LibraryImport("libz.so.1")]
    private static partial int inflateEnd(ZlibStream* stream);

    [LibraryImport("libz.so.1")]
    private static partial int inflatePrime(ZlibStream* stream, int bits, int value);

    [LibraryImport("libz.so.1")]
    private static partial int inflateSetDictionary(ZlibStream* stream, byte* dictionary, uint length);

    [LibraryImport("libz.so.1")]
    private static partial int inflateGetDictionary(ZlibStream* stream, byte* dictionary, uint* length);
}
