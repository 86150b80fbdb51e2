using System.Numerics;

namespace VirtioFsStore.Core.Mounts;

/// <summary>
/// Values by their numbers. Immutable, so that whoever reads needs no lock and what was removed costs nothing: a change makes a new
/// table. Numbers that were given in order are nearly always found at the first look.
/// </summary>
sealed class IdTable<T>
    where T : class
{
    readonly ulong[] _ids;
    readonly T?[] _values;

    IdTable(int count)
    {
        // At most half full: a search for what is not there ends soon at an empty slot.
        var capacity = BitOperations.RoundUpToPowerOf2((uint)Math.Max(count, 2) * 2);
        _ids = new ulong[capacity];
        _values = new T?[capacity];
        Count = count;
    }

    public static IdTable<T> Empty { get; } = new(0);

    public int Count { get; }

    public IEnumerable<T> Values => _values.OfType<T>();

    public T? Find(ulong id)
    {
        var values = _values;
        var mask = values.Length - 1;
        for (var slot = (int)id & mask; ; slot = (slot + 1) & mask)
        {
            if (values[slot] is not { } value)
                return null;
            if (_ids[slot] == id)
                return value;
        }
    }

    /// <summary>A table with more; the numbers are new ones.</summary>
    public IdTable<T> With(params ReadOnlySpan<(ulong Id, T Value)> added)
    {
        var table = new IdTable<T>(Count + added.Length);
        foreach (var (id, value) in Entries())
            table.Put(id, value);
        foreach (var (id, value) in added)
            table.Put(id, value);
        return table;
    }

    /// <summary>A table without a number that is in this one.</summary>
    public IdTable<T> Without(ulong removed)
    {
        var table = new IdTable<T>(Count - 1);
        foreach (var (id, value) in Entries())
        {
            if (id != removed)
                table.Put(id, value);
        }
        return table;
    }

    IEnumerable<(ulong Id, T Value)> Entries()
    {
        for (var slot = 0; slot < _values.Length; slot++)
        {
            if (_values[slot] is { } value)
                yield return (_ids[slot], value);
        }
    }

    void Put(ulong id, T value)
    {
        var mask = _values.Length - 1;
        var slot = (int)id & mask;
        while (_values[slot] is not null)
            slot = (slot + 1) & mask;
        _ids[slot] = id;
        _values[slot] = value;
    }
}
