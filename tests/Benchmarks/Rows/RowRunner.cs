using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Floor;
using VirtioFsStore.Benchmarks.Interop;
using VirtioFsStore.Benchmarks.Measurement;

namespace VirtioFsStore.Benchmarks.Rows;

/// <summary>Measures rows: the contenders in turn, round after round, each round in the other order.</summary>
sealed class RowRunner(int rounds, TimeSpan roundTime, TimeSpan warmUp)
{
    readonly ulong[] _allProcessors = Scheduling.GetAffinity(0);

    /// <summary>Before a daemon's first row, so that what is compiled while it runs is compiled by then.</summary>
    public void WarmUp(Contender contender, IEnumerable<Operation> operations)
    {
        foreach (var operation in operations)
            _ = contender.Run((one, queue) => operation.Create(one, queue, Contender.MaxDepth), Contender.MaxDepth, warmUp, _allProcessors);
    }

    public Row Run(RowGroup group, Operation operation, int depth, Contender ours, Contender theirs, FloorTree? floor)
    {
        var processors = group == RowGroup.Depth1OneCore ? Last(_allProcessors) : _allProcessors;
        Contender[] contenders = [ours, theirs];
        Series[] series = [new(ours.Name), new(theirs.Name)];
        foreach (var contender in contenders)
            _ = contender.Run((one, queue) => operation.Create(one, queue, depth), depth, warmUp, processors);
        var floors = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            for (var turn = 0; turn < contenders.Length; turn++)
            {
                var index = (turn + round) % contenders.Length;
                series[index].Add(contenders[index].Run((one, queue) => operation.Create(one, queue, depth), depth, roundTime, processors));
            }
            if (floor is not null)
                floors.Add(floor.Measure(operation, roundTime / 4));
        }
        return new Row(group, operation, depth, series[0], series[1], floor is null ? null : Sample.Of(floors));
    }

    /// <summary>The highest processor of a mask alone: interrupts tend to go to the lowest.</summary>
    static ulong[] Last(ulong[] mask)
    {
        var word = Array.FindLastIndex(mask, bits => bits != 0);
        var last = new ulong[mask.Length];
        last[word] = 1UL << System.Numerics.BitOperations.Log2(mask[word]);
        return last;
    }
}
