using System.Globalization;

namespace VirtioFsStore.ImageMaker;

/// <summary>
/// Images by seed: layers over layers of few names, so that they meet each other's, with every type of entry, attribute, dialect and form of
/// compression. Everything in them can be unpacked by other programs: no path leads through a file or a link.
/// </summary>
public sealed class RandomImage
{
    const string Letters = "abcd";

    readonly Random _random;
    readonly SortedDictionary<string, char> _merged = new(StringComparer.Ordinal);
    readonly Dictionary<string, char> _given = [];
    readonly HashSet<string> _hidden = [];
    readonly HashSet<string> _described = [];
    readonly HashSet<string> _linked = [];

    RandomImage(int seed) => _random = new Random(seed);

    public static MadeImage Create(int seed)
    {
        var image = new RandomImage(seed);
        var layers = new MadeLayer[image._random.Next(1, 5)];
        for (var i = 0; i < layers.Length; i++)
            layers[i] = image.Layer();
        return new MadeImage($"seed-{seed}", layers);
    }

    static string ParentOf(string path) => path[..Math.Max(path.LastIndexOf('/'), 0)];

    static bool IsBelow(string path, string directory) => path.StartsWith(directory + "/", StringComparison.Ordinal);

    MadeLayer Layer()
    {
        _given.Clear();
        _hidden.Clear();
        _described.Clear();
        _linked.Clear();
        var members = new List<Action<TarWriter>>();
        foreach (var path in Hidden())
            members.Add(tar => tar.Entry(MadeEntry.File(path, ""), Dialect()));
        var hiding = members.Count;
        for (var i = _random.Next(1, 30); i > 0; i--)
        {
            if (Draw() is not { } entry)
                continue;
            var dialect = Dialect();
            // umoci does not know the old format.
            if (entry.Extents is not null && dialect <= HeaderDialect.Gnu && _random.Next(4) != 0)
                dialect = HeaderDialect.Pax;
            members.Add(tar => tar.Entry(entry, dialect));
        }
        // A whiteout acts on lower layers alone, wherever it stands.
        for (var i = 0; i < hiding; i++)
        {
            var member = members[i];
            members.RemoveAt(i);
            members.Insert(_random.Next(i, members.Count + 1), member);
        }
        var layer = new TarWriter();
        if (_random.Next(15) == 0)
            layer.PaxGlobal(("comment", "global"), ("mtime", "1000000000.25"));
        members.ForEach(add => add(layer));
        return new MadeLayer(layer.ToArray(), (LayerForm)_random.Next(5));
    }

    /// <summary>Whiteouts and opaque marks, as they are named in the tar.</summary>
    List<string> Hidden()
    {
        var names = new List<string>();
        for (var i = _random.Next(4); i > 0; i--)
        {
            var path = Path();
            if (!CanHold(path))
                continue;
            if (_random.Next(3) == 0 && _merged.GetValueOrDefault(path) == '5')
            {
                names.Add(path + "/.wh..wh..opq");
                _hidden.UnionWith(_merged.Keys.Where(below => IsBelow(below, path)));
                RemoveBelow(path);
            }
            else if (_merged.ContainsKey(path))
            {
                var parent = ParentOf(path);
                names.Add(parent + (parent.Length == 0 ? "" : "/") + ".wh." + path[(path.LastIndexOf('/') + 1)..]);
                _hidden.UnionWith(_merged.Keys.Where(below => below == path || IsBelow(below, path)));
                RemoveBelow(path);
                _merged.Remove(path);
            }
        }
        return [.. names.Distinct()];
    }

    void RemoveBelow(string directory)
    {
        foreach (var path in _merged.Keys.Where(path => IsBelow(path, directory)).ToList())
            _merged.Remove(path);
    }

    HeaderDialect Dialect() => (HeaderDialect)_random.Next(6);

    string Path()
    {
        var parts = new string[_random.Next(1, 4)];
        for (var i = 0; i < parts.Length; i++)
        {
            var letter = Letters[_random.Next(Letters.Length)].ToString();
            parts[i] = _random.Next(30) switch { 0 => new string(letter[0], 120), 1 => letter + "\xe9", 2 => letter + " b", _ => letter };
        }
        return string.Join('/', parts);
    }

    /// <summary>All that lies above is a directory, or nothing yet.</summary>
    bool CanHold(string path)
    {
        for (var parent = ParentOf(path); parent.Length > 0; parent = ParentOf(parent))
        {
            if (_merged.TryGetValue(parent, out var type) && type != '5')
                return false;
        }
        return true;
    }

    /// <summary>It would make a directory that is not described in one that was: umoci then forgets that one's time.</summary>
    bool ImpliesInDescribed(string path)
    {
        var parent = ParentOf(path);
        if (_merged.ContainsKey(parent))
            return false;
        while (parent.Length > 0 && !_merged.ContainsKey(parent))
            parent = ParentOf(parent);
        return _described.Contains(parent);
    }

    /// <summary>What a layer replaces by another type is taken away before GNU tar begins with it, and then cannot be linked to.</summary>
    bool ReplacesLinked(string path, char type) => _linked.Any(target => target == path || (type != '5' && IsBelow(target, path)));

    MadeEntry? Draw()
    {
        var path = Path();
        var type = "0000122345566"[_random.Next(13)];
        // What a layer itself gave twice with other types is a matter of taste between programs.
        if (!CanHold(path) || _given.Any(given => given.Value != type && (given.Key == path || IsBelow(given.Key, path))) || (type != '5' && _given.Keys.Any(given => IsBelow(given, path))))
            return null;
        // GNU tar makes links that hold ".." at its end, and then the first of several; and a directory that a layer hides and only implies
        // again keeps its attributes for umoci.
        if ((type == '2' && _given.ContainsKey(path)) || _hidden.Any(hidden => IsBelow(path, hidden) && !_merged.ContainsKey(hidden)) || ImpliesInDescribed(path) || ReplacesLinked(path, type))
            return null;
        var entry = new MadeEntry(path, type)
        {
            // What umoci makes in a setgid directory is of its group.
            Mode = type == '5' ? _random.Next(0x1000) & ~0x400 : _random.Next(0x1000),
            Uid = Id(),
            Gid = Id(),
            Mtime = _random.Next(8) switch { 0 => -_random.NextInt64(1L << 30), 1 => _random.NextInt64(1L << 32), _ => 1_600_000_000 + _random.Next(1 << 27) },
            Nanoseconds = _random.Next(3) == 0 ? (uint)_random.Next(1_000_000_000) : 0,
        };
        switch (type)
        {
            case '0':
                entry = Content(entry);
                break;
            case '1':
                var targets = _merged.Where(other => other.Value != '5' && other.Key != path && !IsBelow(other.Key, path)).Select(other => other.Key).ToList();
                if (targets.Count == 0)
                    return null;
                entry = new MadeEntry(path, '1') { Link = targets[_random.Next(targets.Count)] };
                _linked.Add(entry.Link);
                break;
            case '2':
                entry = entry with { Mode = 0x1ff, Link = _random.Next(8) == 0 ? new string('t', 150) : "../" + Path() };
                break;
            case '3' or '4':
                entry = entry with { Major = _random.Next(1, 512), Minor = _random.Next(1 << 20) };
                break;
        }
        if (type is '0' or '5' && _random.Next(4) == 0)
            entry = entry with { Xattrs = [("user.x", Text()), .. _random.Next(2) == 0 ? [("trusted.y", "a\nb=\0c\xff")] : ((string, string)[])[]] };
        Put(path, type);
        if (type == '5')
            _described.Add(path);
        return entry;
    }

    void Put(string path, char type)
    {
        if (type != '5')
            RemoveBelow(path);
        for (var parent = ParentOf(path); parent.Length > 0; parent = ParentOf(parent))
        {
            _merged[parent] = '5';
            _given.TryAdd(parent, '5');
        }
        _merged[path] = type;
        _given[path] = type;
    }

    MadeEntry Content(MadeEntry entry)
    {
        if (_random.Next(5) != 0)
            return entry with { Data = Bytes(_random.Next(4) switch { 0 => 0, 1 => _random.Next(1, 600), _ => _random.Next(20_000) }) };
        var extents = new List<(long Offset, long Length)>();
        var end = 0L;
        for (var i = _random.Next(12); i > 0; i--)
        {
            // In whole blocks, see ImageCorpus.
            var offset = end + (512 * _random.Next(1, 20));
            var length = 512 * _random.Next(1, 10);
            extents.Add((offset, length));
            end = offset + length;
        }
        var size = end + _random.Next(1, 5000);
        // As GNU tar ends a map of which nothing else would tell the size.
        extents.Add((size, 0));
        return entry with { Extents = extents, Data = Bytes((int)extents.Sum(extent => extent.Length)), RealSize = size };
    }

    byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    long Id() => _random.Next(6) switch { 0 => 3_000_000 + _random.Next(1000), 1 => 4_000_000_000 + _random.Next(1000), _ => _random.Next(70_000) };

    string Text() => _random.Next().ToString(CultureInfo.InvariantCulture);
}
