using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>The one place that reads errno: turns libc's −1 into −errno, the form in which every wrapper here answers.</summary>
static class LastError
{
    /// <summary>Must be the very next statement after the call: anything between may overwrite the saved errno.</summary>
    public static nint Or(nint result) => result == -1 ? -Marshal.GetLastPInvokeError() : result;

    /// <inheritdoc cref="Or(nint)"/>
    public static int Or(int result) => result == -1 ? -Marshal.GetLastPInvokeError() : result;
}
