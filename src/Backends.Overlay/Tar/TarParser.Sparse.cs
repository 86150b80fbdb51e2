namespace VirtioFsStore.Backends.Overlay.Tar;

public sealed partial class TarParser
{
    long _mapText;
    long _mapNumber;
    int _mapDigits;
    long _mapExpected;
    long? _mapOffset;

    void BeginOldSparse(ReadOnlySpan<byte> header)
    {
        if (!header.Slice(257, 8).SequenceEqual("ustar  \0"u8))
            throw new TarException($"{TarField.Display(_entry.Path)} is sparse in a way that is not GNU's");
        var size = Field(header.Slice(483, 12), "real size");
        if (size is < 0 or > MaxFileSize) throw new TarException($"the real size of {TarField.Display(_entry.Path)} is impossible: {size}");
        _entry.Size = size;
        _map.Clear();
        TarSparse.ReadOld(header.Slice(386, 4 * 24), _map);
        if (header[482] != 0) _state = State.SparseBlock;
        else EndMap();
    }

    void ReadSparseBlock(ReadOnlySpan<byte> block)
    {
        try
        {
            TarSparse.ReadOld(block[..(21 * 24)], _map);
            if (block[504] == 0) EndMap();
        }
        catch (TarException e)
        {
            throw Fail(e.Message);
        }
    }

    void BeginSparseText()
    {
        _map.Clear();
        _mapText = 0;
        _mapNumber = 0;
        _mapDigits = 0;
        _mapExpected = -1;
        _mapOffset = null;
        _state = State.SparseText;
    }

    /// <summary>Decimal numbers, each on a line: how many pairs follow, then the pairs; padded to a block.</summary>
    void FeedSparseText(ref ReadOnlySpan<byte> data)
    {
        if (_remaining == 0) throw Fail($"the sparse map of {TarField.Display(_entry.Path)} is longer than its data");
        var start = Offset;
        var block = Take(ref data, Math.Min(_remaining, BlockSize - _mapText % BlockSize));
        _remaining -= block.Length;
        foreach (var symbol in block)
        {
            _mapText++;
            if (_mapExpected == 0) continue;
            if (symbol == '\n' && _mapDigits > 0) EndMapNumber();
            else if (symbol is >= (byte)'0' and <= (byte)'9' && ++_mapDigits < 19) _mapNumber = _mapNumber * 10 + (symbol - '0');
            else throw Fail($"the sparse map of {TarField.Display(_entry.Path)} is not made of numbers (at byte {start})");
        }

        if (_mapText > TarSparse.MaxMapText) throw Fail(TarSparse.TooMany().Message);
        if (_mapExpected != 0 || _mapText % BlockSize != 0) return;
        try
        {
            EndMap();
        }
        catch (TarException e)
        {
            throw Fail(e.Message);
        }
    }

    void EndMapNumber()
    {
        var number = _mapNumber;
        (_mapNumber, _mapDigits) = (0, 0);
        if (_mapExpected < 0)
        {
            if (number > TarSparse.MaxExtents) throw Fail(TarSparse.TooMany().Message);
            _mapExpected = number * 2;
            return;
        }

        _mapExpected--;
        if (_mapOffset is { } offset)
        {
            _map.Add(new TarExtent(offset, number));
            _mapOffset = null;
        }
        else
        {
            _mapOffset = number;
        }
    }

    /// <summary>What of the body is left is data.</summary>
    void EndMap()
    {
        _entry.Extents = TarSparse.Check(_map, _entry.Size, _remaining);
        BeginEntry(_remaining);
    }
}
