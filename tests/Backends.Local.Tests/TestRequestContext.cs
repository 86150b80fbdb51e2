using System.Runtime.InteropServices;
using System.Text;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local.Tests;

/// <summary>A request as a dispatcher would make it, with names in native memory.</summary>
sealed unsafe class TestRequestContext : RequestContext
{
    byte* _names;
    byte* _labels;

    public TestRequestContext As(uint uid, uint gid, uint? supplementaryGroup = null)
    {
        Caller = new Caller(uid, gid, 1);
        SupplementaryGroup = supplementaryGroup ?? NoGroup;
        return this;
    }

    public TestRequestContext ObeyingAcls(bool obeys = true)
    {
        GuestObeysAcls = obeys;
        return this;
    }

    public TestRequestContext Labelled(params ReadOnlySpan<(string Name, byte[] Value)> labels)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in labels)
        {
            var nameBytes = Encoding.UTF8.GetBytes(name);
            var record = new byte[SecurityLabels.RecordLength(nameBytes.Length, value.Length)];
            BitConverter.TryWriteBytes(record, value.Length);
            nameBytes.CopyTo(record, 8);
            value.CopyTo(record, 8 + nameBytes.Length + 1);
            bytes.AddRange(record);
        }
        NativeMemory.Free(_labels);
        _labels = (byte*)NativeMemory.Alloc((nuint)bytes.Count + 1);
        bytes.ToArray().CopyTo(new Span<byte>(_labels, bytes.Count));
        Labels = new SecurityLabels(_labels, labels.Length);
        return this;
    }

    public TestRequestContext WaitingAtMost(TimeSpan limit)
    {
        WaitLimit = limit;
        return this;
    }

    public TestRequestContext Named(string name, string second = "") => Named(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(second));

    public TestRequestContext Named(ReadOnlySpan<byte> name, ReadOnlySpan<byte> second)
    {
        NativeMemory.Free(_names);
        _names = (byte*)NativeMemory.AllocZeroed((nuint)(name.Length + second.Length + 2));
        name.CopyTo(new Span<byte>(_names, name.Length));
        var next = _names + name.Length + 1;
        second.CopyTo(new Span<byte>(next, second.Length));
        Name = new ByteString(_names, name.Length);
        SecondName = new ByteString(next, second.Length);
        return this;
    }

    public byte[] ScratchBytes(int length) => new ReadOnlySpan<byte>(Scratch(length), length).ToArray();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        NativeMemory.Free(_names);
        NativeMemory.Free(_labels);
        _names = _labels = null;
    }
}
