using System.Globalization;
using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.SandboxProbe;

/// <summary>System calls by name, with numbers for arguments.</summary>
static partial class RawCall
{
    /// <returns>The result, or −errno.</returns>
    public static nint Make(string name, ReadOnlySpan<string> arguments)
    {
        var values = new nint[5];
        for (var i = 0; i < arguments.Length; i++)
            values[i] = Parse(arguments[i]);
        return Make(SystemCalls.Find(name).Number, values);
    }

    public static nint Make(nint number, params ReadOnlySpan<nint> values)
    {
        var result = syscall(number, At(values, 0), At(values, 1), At(values, 2), At(values, 3), At(values, 4));
        return result == -1 ? -Marshal.GetLastPInvokeError() : result;
    }

    static nint At(ReadOnlySpan<nint> values, int index) => index < values.Length ? values[index] : 0;

    static nint Parse(string text) => text switch
    {
        "self" => Environment.ProcessId,
        "parent" => getppid(),
        _ when text.StartsWith("0x", StringComparison.Ordinal) => nint.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        _ => nint.Parse(text, CultureInfo.InvariantCulture),
    };

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e);

    [LibraryImport("libc")]
    private static partial int getppid();
}
