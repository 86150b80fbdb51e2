namespace VirtioFsStore.Backends.ObjectStore.Cache;

public sealed partial class PieceStore
{
    readonly List<UseMap> _useMaps = [];

    /// <summary>A map for one more server, swept with the others until it is given back.</summary>
    public UseMap AddUseMap()
    {
        var map = new UseMap(PieceCount);
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
