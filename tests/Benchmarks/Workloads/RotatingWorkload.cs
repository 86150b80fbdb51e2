using VirtioFsStore.Benchmarks.Load;

namespace VirtioFsStore.Benchmarks.Workloads;

/// <summary>Goes over many targets in turn; the generators of one machine start at different places.</summary>
abstract class RotatingWorkload<T>(T[] targets, int queue) : Workload
{
    int _next = queue * (targets.Length / 2);

    protected ref readonly T Next()
    {
        if (_next >= targets.Length)
            _next = 0;
        return ref targets[_next++];
    }
}
