using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using VirtioFsStore.Driver.Fuse;

namespace VirtioFsStore.Fuzz.Fuse;

/// <summary>Draws requests: most are of the right form with odd values, some are bent afterwards.</summary>
sealed class RequestGenerator(Random random, KnownObjects known)
{
    /// <summary>A file system may fill its disk, that of a fuzzer must not.</summary>
    const int MaxLength = 1 << 20;

    const int Plain = 8;

    static readonly string[] s_names =
    [
        "a", "b", "dir", "link", "out", "c", "f0", "f1", "d", "dir2", "fifo", "big", "sparse", "image", "share", "with space",
        ".", "..", "", "a/b", "/", "../outside", "outside", "x\xff\xfe", "\n", new string('n', 255), new string('n', 256),
    ];

    static readonly string[] s_xattrs =
    [
        "user.a", "user.b", "user.", "trusted.overlay.opaque", "security.capability", "security.selinux", "system.posix_acl_access",
        "system.posix_acl_default", "", "a", new string('x', 255), new string('x', 256), "user.\xff",
    ];

    static readonly string[] s_targets = ["a", "../outside", "/", "..", "", "/proc/self", new string('t', 4095), new string('t', 4096), "dir/../../outside/secret"];

    readonly byte[] _body = new byte[20_000];
    int _length;
    int _size;

    /// <summary>Fills the request, header and all, but for its unique and length; see <see cref="Bend"/>.</summary>
    public FuseOpcode Fill(FuseRequest request)
    {
        var layouts = random.Next(30) == 0 ? RequestLayouts.Rare : RequestLayouts.Common;
        var (opcode, fields) = layouts[random.Next(layouts.Count)];
        var (node, handle) = random.Next(8) == 0 ? (known.Node(random), (ulong)random.Next(8)) : known.Handle(random);
        if (!fields.StartsWith('h') || random.Next(8) == 0)
            node = Node();
        var caller = random.Next(6) switch { < 4 => new FuseCaller(0, 0), 4 => new FuseCaller(1000, 1000), _ => new FuseCaller(Number(), Number(), Number()) };
        request.Begin(opcode, node, caller, Room(request));
        _length = 0;
        _size = -1;
        var extensions = 0;
        foreach (var field in fields)
            extensions += Append(field, handle);
        request.AppendBytes(_body.AsSpan(0, Math.Min(_length, request.RequestCapacity - FuseRequest.HeaderSize)));
        if (extensions > 0 || random.Next(40) == 0)
            BitConverter.TryWriteBytes(request.RawRequest[36..], (ushort)(random.Next(10) == 0 ? random.Next(65536) : extensions));
        return opcode;
    }

    /// <summary>INIT as Linux sends it, or nearly.</summary>
    public void FillInit(FuseRequest request)
    {
        request.Begin(FuseOpcode.Init, random.Next(4) == 0 ? Node() : 0, new FuseCaller(0, 0), Room(request));
        request.Append(random.Next(8) == 0 ? Number() : 7u).Append(random.Next(4) == 0 ? Number() : 45u).Append(Number())
            .Append(random.Next(3) == 0 ? Number() : uint.MaxValue).Append(random.Next(3) == 0 ? Number() : uint.MaxValue);
        request.AppendBytes(new byte[44]);
        if (random.Next(6) == 0)
            request.Resize(FuseRequest.HeaderSize + random.Next(65), request.ReplyRoom);
    }

    /// <summary>After it was sealed: bytes changed, cut or added, a length that is wrong. Answers whether anything was.</summary>
    public bool Bend(FuseRequest request)
    {
        if (random.Next(6) != 0)
            return false;
        var raw = request.RawRequest;
        switch (random.Next(5))
        {
            case 0:
                for (var i = random.Next(1, 6); i > 0; i--)
                    raw[random.Next(request.RequestLength)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                raw[random.Next(request.RequestLength)] = (byte)random.Next(256);
                break;
            case 2:
                request.Resize(random.Next(request.RequestLength + 1), request.ReplyRoom);
                if (random.Next(2) == 0)
                    BitConverter.TryWriteBytes(raw, (uint)request.RequestLength);
                break;
            case 3:
                request.Resize(Math.Min(request.RequestCapacity, request.RequestLength + random.Next(1, 100)), request.ReplyRoom);
                if (random.Next(2) == 0)
                    BitConverter.TryWriteBytes(raw, (uint)request.RequestLength);
                break;
            default:
                BitConverter.TryWriteBytes(raw, Number());
                break;
        }
        return true;
    }

    int Room(FuseRequest request) => random.Next(6) switch
    {
        0 => random.Next(64),
        1 => random.Next(request.ReplyCapacity + 1),
        2 => request.ReplyCapacity,
        _ => 4096,
    };

    ulong Node() => random.Next(24) switch
    {
        < 5 => 1,
        5 => (ulong)random.Next(16),
        6 => (ulong)random.NextInt64(),
        7 => known.Node(random) + (ulong)random.Next(3) - 1,
        8 => ((ulong)random.Next(4) << 44) | (uint)random.Next(64),
        _ => known.Node(random),
    };

    /// <summary>Small, at an edge, a power of two, or anything.</summary>
    uint Number() => (uint)Wide();

    ulong Wide() => random.Next(7) switch
    {
        0 => 0,
        1 or 2 => (ulong)random.Next(16),
        3 => 1UL << random.Next(64),
        4 => (1UL << random.Next(64)) - 1,
        5 => ulong.MaxValue - (ulong)random.Next(16),
        _ => (ulong)random.NextInt64(),
    };

    ulong Offset() => random.Next(3) != 0 ? (ulong)random.Next(70_000) : Wide();

    /// <summary>Little, or more than anything can hold.</summary>
    ulong Length() => random.Next(3) != 0 ? (ulong)random.Next(MaxLength) : ulong.MaxValue - (ulong)random.NextInt64(1L << 62);

    int Append(char field, ulong handle)
    {
        switch (field)
        {
            case 'h': Put(random.Next(6) == 0 ? Wide() : handle); break;
            case 'n': Put(Node()); break;
            case 'N': PutText(Pick(s_names)); break;
            case 'T': PutText(Pick(s_targets)); break;
            case 'X': PutText(Pick(s_xattrs)); break;
            case 'D': PutData(); break;
            case 's': _size = _length; Put(random.Next(4) == 0 ? Number() : (uint)random.Next(20_000)); break;
            case 'o': Put(Offset()); break;
            case 'L': Put(Length()); break;
            // What is copied from a file that is huge and empty costs time and memory for each byte.
            case 'l': Put((ulong)random.Next(MaxLength)); break;
            case 'f': Put(random.Next(3) == 0 ? Number() : (uint)random.Next(4)); break;
            case 'F': Put(OpenFlags()); break;
            case 'm': Put(Mode()); break;
            case 'u': Put(random.Next(3) == 0 ? Number() : (uint)random.Next(1001)); break;
            case 'v': Put(random.Next(2) == 0 ? 1u << random.Next(16) : (uint)random.Next(1 << 16)); break;
            case 't' or 'x': Put(Wide()); break;
            case 'j': Put(random.Next(3) == 0 ? Number() : (uint)random.Next(1_000_000_000)); break;
            case 'k': Put((uint)random.Next(4)); break;
            case 'w': Put((uint)random.Next(6)); break;
            case 'c': PutPairs(); break;
            case 'e': return PutExtension();
            default: Put(random.Next(20) == 0 ? Number() : 0u); break;
        }
        return 0;
    }

    uint OpenFlags() => random.Next(4) switch
    {
        0 => Number(),
        1 => (uint)random.Next(3) | 0x200u,
        2 => (uint)random.Next(3) | 0x400u | 0x8000u,
        _ => (uint)random.Next(3),
    };

    uint Mode() => random.Next(4) switch
    {
        0 => Number(),
        1 => (uint)random.Next(16) << 12 | (uint)random.Next(4096),
        _ => 0x8000u | (uint)random.Next(4096),
    };

    /// <summary>The first ones are those that exist, or may.</summary>
    string Pick(string[] texts) => texts[random.Next(random.Next(4) == 0 ? texts.Length : Math.Min(texts.Length, Plain))];

    void PutText(string text)
    {
        foreach (var letter in text)
            _body[_length++] = (byte)letter;
        // A string that is the last thing is also sent without its end.
        if (random.Next(60) != 0)
            _body[_length++] = 0;
    }

    void PutData()
    {
        var length = random.Next(3) switch { 0 => 0, 1 => random.Next(64), _ => random.Next(9000) };
        random.NextBytes(_body.AsSpan(_length, length));
        _length += length;
        if (_size >= 0 && random.Next(8) != 0)
            BitConverter.TryWriteBytes(_body.AsSpan(_size), length);
    }

    void PutPairs()
    {
        var count = random.Next(6);
        Put(random.Next(6) == 0 ? Number() : (uint)count);
        Put(0u);
        for (var i = 0; i < count; i++)
        {
            Put(Node());
            Put(random.Next(4) == 0 ? Wide() : 1UL);
        }
    }

    /// <summary>FUSE_CREATE_SUPP_GROUP or a security context. Answers its length in units of 8 bytes.</summary>
    int PutExtension()
    {
        if (random.Next(4) != 0)
            return 0;
        while (_length % 8 != 0)
            _body[_length++] = 0;
        var start = _length;
        Put(random.Next(6) == 0 ? Number() : 16u);
        Put(random.Next(4) == 0 ? Number() : random.Next(2) == 0 ? 32u : 1u);
        Put(random.Next(6) == 0 ? Number() : 1u);
        Put((uint)random.Next(2000));
        return (_length - start) / 8;
    }

    void Put<T>(T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(_body.AsSpan(_length), value);
        _length += Unsafe.SizeOf<T>();
    }
}
