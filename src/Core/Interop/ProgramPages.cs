using System.Buffers.Text;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The pages of the program and its libraries that this process has mapped.</summary>
public static unsafe partial class ProgramPages
{
    const int MADV_DONTNEED = 4;

    /// <summary>A header with a path of any length that matters; of a longer line the rest is passed over.</summary>
    const int LineLength = 512;

    /// <summary>
    /// Takes unwritten pages of code out of this process; they stay in the page cache, and the next use maps them again, some 16 at a
    /// time. Starting runs through code that serving never sees again.
    /// </summary>
    /// <returns>The bytes of address space that were let go of; 0 where /proc does not tell.</returns>
    public static long Release()
    {
        var fd = Descriptors.Open("/proc/self/smaps", OpenFlags.O_RDONLY);
        if (fd < 0)
            return 0;
        using var file = new FileDescriptor(fd);
        Span<byte> line = stackalloc byte[LineLength];
        Span<byte> buffer = stackalloc byte[4096];
        var (length, released, mapping) = (0, 0L, default(Mapping));
        while (true)
        {
            nint count;
            fixed (byte* bytes = buffer)
                count = FileIo.Read(fd, bytes, (nuint)buffer.Length);
            if (count <= 0)
                return released;
            foreach (var value in buffer[..(int)count])
            {
                if (value != '\n')
                {
                    if (length < LineLength)
                        line[length++] = value;
                    continue;
                }
                released += Consider(line[..length], ref mapping);
                length = 0;
            }
        }
    }

    /// <summary>A mapping begins with its header; of the lines below it, one tells whether it has pages of its own.</summary>
    static long Consider(ReadOnlySpan<byte> line, ref Mapping mapping)
    {
        if (!line.IsEmpty && char.IsAsciiHexDigitLower((char)line[0]))
        {
            mapping = Mapping.Parse(line);
            return 0;
        }
        // A page that was written is anonymous, and would be lost.
        if (!mapping.IsFileCode || !line.StartsWith("Anonymous:"u8) || !line[10..].TrimStart((byte)' ').StartsWith("0 "u8))
            return 0;
        return LastError.Or(madvise((byte*)mapping.Start, (nuint)(mapping.End - mapping.Start), MADV_DONTNEED)) == 0
            ? (long)(mapping.End - mapping.Start)
            : 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(byte* address, nuint length, int advice);

    /// <summary>A line of /proc/PID/maps: <c>START-END PERMISSIONS OFFSET DEVICE INODE PATH</c> (proc(5)).</summary>
    /// <param name="IsFileCode">A file on disk, mapped such that it is read or executed and never written.</param>
    readonly record struct Mapping(ulong Start, ulong End, bool IsFileCode)
    {
        public static Mapping Parse(ReadOnlySpan<byte> line)
        {
            if (!Utf8Parser.TryParse(line, out ulong start, out var used, 'x') || used >= line.Length
                || !Utf8Parser.TryParse(line[(used + 1)..], out ulong end, out var more, 'x'))
            {
                return default;
            }
            var rest = line[(used + 1 + more)..];
            // "[vdso]" and the like have no slash.
            var path = rest.IndexOf((byte)'/');
            return new Mapping(start, end, (rest.StartsWith(" r-xp "u8) || rest.StartsWith(" r--s "u8)) && path >= 0 && !rest[path..].StartsWith("/memfd:"u8));
        }
    }
}
