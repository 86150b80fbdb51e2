using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The system's libzstd (zstd.h). Results are its own: a size, or an error that <see cref="IsError"/> tells.</summary>
public static unsafe partial class Zstd
{
    /// <summary>ZSTD_c_compressionLevel.</summary>
    public const int CompressionLevel = 100;

    /// <summary>ZSTD_c_windowLog: how far back a frame refers, which is what its decoder keeps.</summary>
    public const int WindowLog = 101;

    /// <summary>ZSTD_c_hashLog: a table of the compressor, 4 bytes times two to this.</summary>
    public const int HashLog = 102;

    /// <summary>ZSTD_c_chainLog: another, as large.</summary>
    public const int ChainLog = 103;

    /// <summary>ZSTD_d_windowLogMax: frames that want more memory are refused.</summary>
    public const int MaxWindowLog = 100;

    /// <summary>ZSTD_error_frameParameter_windowTooLarge (zstd_errors.h).</summary>
    public const int WindowTooLarge = 16;

    /// <summary>ZSTD_e_continue.</summary>
    public const int Continue = 0;

    /// <summary>ZSTD_e_end.</summary>
    public const int End = 2;

    public static void* CreateDecompressor() => ZSTD_createDCtx();

    public static void FreeDecompressor(void* context) => _ = ZSTD_freeDCtx(context);

    /// <returns>0 when a frame is decoded and flushed, else a hint at what is still to come.</returns>
    public static nuint DecompressStream(void* context, ZstdBuffer* output, ZstdBuffer* input) =>
        ZSTD_decompressStream(context, output, input);

    public static void* CreateCompressor() => ZSTD_createCCtx();

    public static void FreeCompressor(void* context) => _ = ZSTD_freeCCtx(context);

    /// <summary>One frame out of one buffer.</summary>
    public static nuint Compress(void* context, byte* output, nuint capacity, byte* input, nuint length, int level) =>
        ZSTD_compressCCtx(context, output, capacity, input, length, level);

    /// <summary>The frames of one buffer.</summary>
    public static nuint Decompress(void* context, byte* output, nuint capacity, byte* input, nuint length) =>
        ZSTD_decompressDCtx(context, output, capacity, input, length);

    public static nuint SetCompressorParameter(void* context, int parameter, int value) => ZSTD_CCtx_setParameter(context, parameter, value);

    public static nuint SetDecompressorParameter(void* context, int parameter, int value) => ZSTD_DCtx_setParameter(context, parameter, value);

    /// <param name="context">A compressor; its parameters hold.</param>
    /// <param name="output">Where to.</param>
    /// <param name="input">Where from.</param>
    /// <param name="directive"><see cref="Continue"/> or <see cref="End"/>.</param>
    /// <returns>0 when all was written that the directive asks for, else how much there is still to flush at least.</returns>
    public static nuint CompressStream(void* context, ZstdBuffer* output, ZstdBuffer* input, int directive) =>
        ZSTD_compressStream2(context, output, input, directive);

    public static nuint CompressBound(nuint length) => ZSTD_compressBound(length);

    public static bool IsError(nuint result) => ZSTD_isError(result) != 0;

    /// <summary>0 where a result is none.</summary>
    public static int ErrorCode(nuint result) => ZSTD_getErrorCode(result);

    public static string ErrorName(nuint result) => Marshal.PtrToStringUTF8((nint)ZSTD_getErrorName(result)) ?? "unknown";

    [LibraryImport("libzstd.so.1")]
    private static partial void* ZSTD_createDCtx();

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_freeDCtx(void* context);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_decompressStream(void* context, ZstdBuffer* output, ZstdBuffer* input);

    [LibraryImport("libzstd.so.1")]
    private static partial void* ZSTD_createCCtx();

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_freeCCtx(void* context);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_compressCCtx(void* context, byte* output, nuint capacity, byte* input, nuint length, int level);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_decompressDCtx(void* context, byte* output, nuint capacity, byte* input, nuint length);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_CCtx_setParameter(void* context, int parameter, int value);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_DCtx_setParameter(void* context, int parameter, int value);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_compressStream2(void* context, ZstdBuffer* output, ZstdBuffer* input, int directive);

    [LibraryImport("libzstd.so.1")]
    private static partial nuint ZSTD_compressBound(nuint length);

    [LibraryImport("libzstd.so.1")]
    private static partial uint ZSTD_isError(nuint result);

    [LibraryImport("libzstd.so.1")]
    private static partial int ZSTD_getErrorCode(nuint result);

    [LibraryImport("libzstd.so.1")]
    private static partial byte* ZSTD_getErrorName(nuint result);
}
