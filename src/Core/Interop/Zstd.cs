using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The system's libzstd (zstd.h). Results are its own: a size, or an error that <see cref="IsError"/> tells.</summary>
public static unsafe partial class Zstd
{
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

    public static nuint CompressBound(nuint length) => ZSTD_compressBound(length);

    public static bool IsError(nuint result) => ZSTD_isError(result) != 0;

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
    private static partial nuint ZSTD_compressBound(nuint length);

    [LibraryImport("libzstd.so.1")]
    private static partial uint ZSTD_isError(nuint result);

    [LibraryImport("libzstd.so.1")]
    private static partial byte* ZSTD_getErrorName(nuint result);
}
