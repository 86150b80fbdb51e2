using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    readonly List<UseMap> _useMaps = [];

    /// <summary>A map for one more server, swept with the others until it is given back.</summary>
    /// <param name="known">The one that the server has already, from another keeper; not owned. Null for none.</param>
    /// <exception cref="SystemCallException">There is no memory, or no descriptor.</exception>
    public UseMap AddUseMap(FileDescriptor? known = null)
    {
        var map = (known is null ? null : UseMap.TryAdopt(known.Value, PieceCount)) ?? UseMap.Create(PieceCount);
        lock (_useMaps) _useMaps.Add(map);
        return map;
    }

    /// <summary>The server has gone: what it noted last is kept, and its map is freed.</summary>
    public void RemoveUseMap(UseMap map)
    {
        lock (_useMaps)
        {
            if (!_useMaps.Remove(map)) return;
            map.Sweep(Use);
        }

        map.Dispose();
    }

    /// <summary>Notes what servers have used since the last time.</summary>
    public void SweepUse()
    {
        lock (_useMaps)
            foreach (var map in _useMaps)
                map.Sweep(Use);
    }
}
