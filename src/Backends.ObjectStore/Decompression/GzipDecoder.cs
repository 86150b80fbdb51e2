using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Decompression;

/// <summary>gzip (RFC 1952), of one member or many. Seek points lie at the boundaries of deflate blocks and members, each with
/// the window that the blocks behind it may refer to; the method is that of zlib's examples/zran.c.</summary>
sealed unsafe class GzipDecoder : StreamDecoder
{
    const int TrailerSize = 8;

    ZlibStream* _stream;
    State _state;
    int _primeBits;
    int _trailer;
    bool _any;

    public GzipDecoder(SeekPoint start, int spanSize)
        : base(start, spanSize)
    {
        _stream = (ZlibStream*)NativeMemory.AllocZeroed((nuint)sizeof(ZlibStream));
        Check(Zlib.InitializeInflate(_stream, start.MidStream ? Zlib.RawWindowBits : Zlib.GzipWindowBits));
        if (!start.MidStream) return;
        _state = State.Raw;
        _primeBits = start.Bits;
        LeadingBytes = start.Bits > 0 ? 1 : 0;
        InOffset -= LeadingBytes;
        var window = start.Window.Span;
        if (window.IsEmpty) return;
        fixed (byte* dictionary = window)
            Check(Zlib.SetInflateDictionary(_stream, dictionary, (uint)window.Length));
    }

    ~GzipDecoder() => Dispose(disposing: false);

    enum State
    {
        /// <summary>Between members: a header or nothing follows.</summary>
        Boundary,

        /// <summary>Inside a member that began with its header.</summary>
        Member,

        /// <summary>Inside a member that was entered at a seek point.</summary>
        Raw,

        /// <summary>In the trailer of such a member; its checksum is over bytes that were not seen.</summary>
        Trailer,

        /// <summary>Zeros after the last member, as tapes and some registries pad.</summary>
        Padding,
    }

    public override bool MayEnd => _any && _state is State.Boundary or State.Padding;

    public override void Decode(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int given)
    {
        taken = given = 0;
        // Without input there may still be output: the rest of a match that did not fit the buffer before.
        if (output.IsEmpty || (input.IsEmpty && (_state is not (State.Member or State.Raw) || _primeBits > 0))) return;
        switch (_state)
        {
            case State.Trailer:
                SkipTrailer(input.Length, out taken);
                break;
            case State.Padding:
            case State.Boundary when _any && input[0] == 0:
                _state = State.Padding;
                taken = input.Length;
                if (input.ContainsAnyExcept((byte)0))
                    throw new DecompressionException($"there is neither a gzip member nor padding at compressed byte {InOffset}");
                break;
            case State.Raw when _primeBits > 0:
                Check(Zlib.PrimeInflate(_stream, _primeBits, input[0] >> (8 - _primeBits)));
                _primeBits = 0;
                taken = 1;
                break;
            default:
                Inflate(input, output, out taken, out given);
                break;
        }

        InOffset += taken;
    }

    void Inflate(ReadOnlySpan<byte> input, Span<byte> output, out int taken, out int given)
    {
        if (_state == State.Boundary)
        {
            if (_any && WantsPoint) AddPoint(SeekPoint.Fresh(InOffset, OutOffset));
            _state = State.Member;
            _any = true;
        }

        fixed (byte* source = input)
        fixed (byte* target = output)
        {
            _stream->NextIn = source;
            _stream->AvailableIn = (uint)input.Length;
            _stream->NextOut = target;
            _stream->AvailableOut = (uint)output.Length;
            do
            {
                var givenBefore = output.Length - (int)_stream->AvailableOut;
                var result = Zlib.Inflate(_stream, Zlib.Z_BLOCK);
                OutOffset += output.Length - (int)_stream->AvailableOut - givenBefore;
                if (result == Zlib.Z_STREAM_END)
                {
                    EndMember();
                    break;
                }

                if (result == Zlib.Z_BUF_ERROR) break;
                if (result != Zlib.Z_OK) throw Damaged(InOffset + input.Length - _stream->AvailableIn, result);
                if (WantsPoint && (_stream->DataType & (Zlib.AtBlockBoundary | Zlib.InLastBlock)) == Zlib.AtBlockBoundary)
                    AddPoint(PointHere(InOffset + input.Length - _stream->AvailableIn));
            }
            while (_stream->AvailableOut > 0 && _stream->AvailableIn > 0);

            taken = input.Length - (int)_stream->AvailableIn;
            given = output.Length - (int)_stream->AvailableOut;
        }
    }

    void EndMember()
    {
        if (_state == State.Raw)
        {
            _state = State.Trailer;
            _trailer = TrailerSize;
            return;
        }

        _state = State.Boundary;
        Check(Zlib.ResetInflate(_stream, Zlib.GzipWindowBits));
    }

    void SkipTrailer(int available, out int taken)
    {
        taken = Math.Min(available, _trailer);
        _trailer -= taken;
        if (_trailer > 0) return;
        _state = State.Boundary;
        _any = true;
        Check(Zlib.ResetInflate(_stream, Zlib.GzipWindowBits));
    }

    SeekPoint PointHere(long inOffset)
    {
        var window = new byte[Zlib.WindowSize];
        uint length = 0;
        fixed (byte* dictionary = window)
            Check(Zlib.GetInflateDictionary(_stream, dictionary, &length));
        return new SeekPoint(inOffset, OutOffset, true, _stream->DataType & Zlib.UnusedBitsMask, window.AsMemory(0, (int)length));
    }

    DecompressionException Damaged(long inOffset, int result)
    {
        var why = _stream->Message != null ? Marshal.PtrToStringUTF8((nint)_stream->Message) : $"zlib error {result}";
        return new DecompressionException($"gzip data is damaged near compressed byte {inOffset}: {why}");
    }

    protected override void Dispose(bool disposing)
    {
        if (_stream == null) return;
        _ = Zlib.EndInflate(_stream);
        NativeMemory.Free(_stream);
        _stream = null;
    }

    static void Check(int result)
    {
        if (result != Zlib.Z_OK) throw new InvalidOperationException($"zlib answered {result}");
    }
}
