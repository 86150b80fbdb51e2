using System.Security.Cryptography;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Tree;

namespace VirtioFsStore.Backends.Overlay.Merge;

/// <summary>The directories of an image while it is merged: (directory, name) → node by hash, and each directory's names as
/// a list. Struct arrays throughout.</summary>
sealed class NameTable
{
    /// <summary>What positions in the tables below may count to; <see cref="MergeBudget"/> is what bounds memory.</summary>
    public const int MaxNames = 1 << 24;

    // Its own random key: collisions in this table cannot be prepared by who wrote the layers.
    readonly NameHash _hash = new(
        BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));

    readonly StructList<MergedName> _names;
    readonly ByteHeap _text;
    readonly MergeBudget _budget;
    readonly int _maxNames;
    int[] _buckets;

    public NameTable(MergeBudget budget, int maxNames = MaxNames)
    {
        _budget = budget;
        _maxNames = maxNames;
        _names = new StructList<MergedName>(budget);
        _text = new ByteHeap("names", budget);
        _buckets = NewBuckets(1024);
        Nodes = new StructList<MergedNode>(budget);
    }

    public StructList<MergedNode> Nodes { get; }

    /// <summary>Counts removals: what was resolved before may have changed.</summary>
    public int Removals { get; private set; }

    public ref MergedName this[int name] => ref _names[name];

    public ReadOnlySpan<byte> TextOf(int name) => _text.Get(_names[name].NameOffset, _names[name].NameLength);

    /// <summary>Returns the name's index, or −1.</summary>
    public int Find(int directory, ReadOnlySpan<byte> name)
    {
        var hash = _hash.Of((uint)directory, name);
        for (var i = _buckets[hash & (_buckets.Length - 1)]; i >= 0; i = _names[i].NextInBucket)
        {
            ref var candidate = ref _names[i];
            if (candidate.Hash == hash && candidate.Parent == directory && TextOf(i).SequenceEqual(name))
                return i;
        }

        return -1;
    }

    /// <summary>Adds a name that is not there.</summary>
    public int Add(int directory, ReadOnlySpan<byte> name, int node)
    {
        if (name.Length is 0 or > 255)
            throw new ImageException($"a name of {name.Length} bytes ('{PathText.Of(name)}') is in a layer index; names have 1 to 255 bytes");
        if (_names.Count == _maxNames)
            throw new ImageException($"the image has more than {_maxNames} names in all; that many are not supported");
        if (_names.Count == _buckets.Length)
            Rehash();
        var index = _names.Add();
        ref var added = ref _names[index];
        added.Parent = directory;
        added.Node = node;
        added.NameOffset = _text.Add(name);
        added.NameLength = name.Length;
        added.Hash = _hash.Of((uint)directory, name);
        ref var bucket = ref _buckets[added.Hash & (_buckets.Length - 1)];
        added.NextInBucket = bucket;
        bucket = index;
        ref var parent = ref Nodes[directory];
        added.PreviousSibling = -1;
        added.NextSibling = parent.FirstChild;
        if (added.NextSibling >= 0)
            _names[added.NextSibling].PreviousSibling = index;
        parent.FirstChild = index;
        ref var target = ref Nodes[node];
        target.NameCount++;
        if (target.IsDirectory)
            target.OwnName = index;
        return index;
    }

    /// <summary>Removes a name and, if it is a directory's, all below it.</summary>
    public void Remove(int name)
    {
        ref var removed = ref _names[name];
        if (removed.PreviousSibling >= 0)
            _names[removed.PreviousSibling].NextSibling = removed.NextSibling;
        else
            Nodes[removed.Parent].FirstChild = removed.NextSibling;
        if (removed.NextSibling >= 0)
            _names[removed.NextSibling].PreviousSibling = removed.PreviousSibling;
        Detach(name);
        RemoveBelow(removed.Node);
    }

    /// <summary>Removes all that is in a directory.</summary>
    public void RemoveChildren(int directory) => RemoveBelow(directory);

    // Descends without recursion: each list of children is put in front of what is still to be removed.
    void RemoveBelow(int node)
    {
        if (!Nodes[node].IsDirectory)
            return;
        var next = Nodes[node].FirstChild;
        Nodes[node].FirstChild = -1;
        while (next >= 0)
        {
            var name = next;
            next = _names[name].NextSibling;
            Detach(name);
            ref var child = ref Nodes[_names[name].Node];
            if (!child.IsDirectory || child.FirstChild < 0)
                continue;
            var last = child.FirstChild;
            while (_names[last].NextSibling >= 0)
                last = _names[last].NextSibling;
            _names[last].NextSibling = next;
            next = child.FirstChild;
            child.FirstChild = -1;
        }
    }

    /// <summary>Takes a name out of its bucket and from its node.</summary>
    void Detach(int name)
    {
        ref var removed = ref _names[name];
        ref var link = ref _buckets[removed.Hash & (_buckets.Length - 1)];
        while (link != name)
            link = ref _names[link].NextInBucket;
        link = removed.NextInBucket;
        Nodes[removed.Node].NameCount--;
        Removals++;
    }

    void Rehash()
    {
        // Removed names are in no bucket and must not come back: the old chains are what is moved.
        var old = _buckets;
        _buckets = NewBuckets(old.Length * 2);
        foreach (var head in old)
        {
            for (var i = head; i >= 0;)
            {
                ref var name = ref _names[i];
                var next = name.NextInBucket;
                ref var bucket = ref _buckets[name.Hash & (_buckets.Length - 1)];
                name.NextInBucket = bucket;
                bucket = i;
                i = next;
            }
        }

        _budget.Return(sizeof(int) * (long)old.Length);
    }

    int[] NewBuckets(int count)
    {
        _budget.Take(sizeof(int) * (long)count);
        var buckets = new int[count];
        Array.Fill(buckets, -1);
        return buckets;
    }
}
