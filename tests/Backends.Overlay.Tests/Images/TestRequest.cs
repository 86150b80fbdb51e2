using System.Runtime.InteropServices;
using VirtioFsStore.Core.Memory;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Tests.Images;

/// <summary>A request with a name, and buffers to read into.</summary>
sealed unsafe class TestRequest : RequestContext
{
    readonly byte* _name = (byte*)NativeMemory.Alloc(256);
    readonly byte* _buffer;
    readonly int _capacity;

    public TestRequest(int capacity = 1 << 20)
    {
        _capacity = capacity;
        _buffer = (byte*)NativeMemory.Alloc((nuint)capacity);
    }

    public ReadOnlySpan<byte> Buffer => new(_buffer, _capacity);

    public TestRequest Named(ReadOnlySpan<byte> name)
    {
        name.CopyTo(new Span<byte>(_name, 255));
        _name[name.Length] = 0;
        Name = new ByteString(_name, name.Length);
        return this;
    }

    /// <summary>Three ranges, so that scatter lists are seen to work.</summary>
    public IoBuffers Into(int length)
    {
        Writable.Clear();
        var part = length / 3;
        Writable.Append(_buffer, (nuint)part);
        Writable.Append(_buffer + part, (nuint)part);
        Writable.Append(_buffer + (2 * part), (nuint)(length - (2 * part)));
        return Writable;
    }

    public ReadOnlySpan<byte> Answer(int length) => new(Scratch(length), length);

    public void Cancel() => CancelWait();

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_name);
        NativeMemory.Free(_buffer);
        base.Dispose(disposing);
    }
}
