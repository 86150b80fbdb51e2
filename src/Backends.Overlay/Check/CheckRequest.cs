using System.Runtime.InteropServices;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>A request of the checker: as one of a guest's root, without a transport.</summary>
sealed unsafe class CheckRequest : RequestContext
{
    readonly byte* _name = (byte*)NativeMemory.AllocZeroed(256);

    public CheckRequest SetName(ReadOnlySpan<byte> name)
    {
        name.CopyTo(new Span<byte>(_name, 255));
        _name[name.Length] = 0;
        Name = new ByteString(_name, name.Length);
        return this;
    }

    /// <summary>The first bytes of the scratch memory, where short answers lie.</summary>
    public byte[] Answer(int length) => new ReadOnlySpan<byte>(Scratch(length), length).ToArray();

    /// <summary>Lets <paramref name="memory"/>, which must stay pinned, take what is read.</summary>
    public IoBuffers ReadInto(byte* memory, int length)
    {
        Writable.Clear();
        Writable.Append(memory, (nuint)length);
        return Writable;
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_name);
        base.Dispose(disposing);
    }
}
