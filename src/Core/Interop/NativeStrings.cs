using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>A NULL-terminated array of C strings, as execve(2) takes them.</summary>
sealed unsafe class NativeStrings : IDisposable
{
    readonly int _count;

    public NativeStrings(IReadOnlyList<string> strings)
    {
        _count = strings.Count;
        Pointer = (byte**)NativeMemory.AllocZeroed((nuint)_count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < _count; i++)
        {
            var bytes = Utf8Path.Encode(strings[i]);
            Pointer[i] = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
            bytes.CopyTo(new Span<byte>(Pointer[i], bytes.Length));
        }
    }

    public byte** Pointer { get; }

    public void Dispose()
    {
        for (var i = 0; i < _count; i++)
            NativeMemory.Free(Pointer[i]);
        NativeMemory.Free(Pointer);
    }
}
