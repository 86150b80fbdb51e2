using VirtioFsStore.Benchmarks.Contenders;
using VirtioFsStore.Benchmarks.Floor;
using VirtioFsStore.Benchmarks.Load;
using VirtioFsStore.Benchmarks.Workloads;

namespace VirtioFsStore.Benchmarks.Rows;

/// <summary>What a row measures.</summary>
/// <param name="Name">As the table has it.</param>
/// <param name="IsData">Its rate is in MB/s.</param>
/// <param name="InImages">A read-only tree has it too.</param>
/// <param name="Create">The workload of one queue, at a depth.</param>
/// <param name="Floor">The same by bare system calls.</param>
sealed record Operation(string Name, bool IsData, bool InImages, Func<Contender, int, int, Workload> Create, Action<FloorTree> Floor)
{
    public static Operation[] All { get; } =
    [
        new("getattr", false, true, (contender, queue, _) => new GetAttrWorkload(contender.View, queue), tree => tree.GetAttr()),
        new("lookup", false, true, (contender, queue, _) => new LookupWorkload(contender.View, queue), tree => tree.Lookup()),
        new("open+read+release", false, true, (contender, queue, _) => new OpenReadReleaseWorkload(contender.View, queue), tree => tree.OpenReadRelease()),
        new("readdirplus", false, true, (contender, queue, _) => new ReadDirPlusWorkload(contender.View, queue), tree => tree.ReadDirPlus()),
        new("readlink", false, true, (contender, queue, _) => new ReadLinkWorkload(contender.View, queue), tree => tree.ReadLink()),
        new("getxattr", false, true, (contender, queue, _) => new GetXattrWorkload(contender.View, queue), tree => tree.GetXattr()),
        new("create+write+unlink", false, false,
            (contender, queue, depth) => new CreateWriteUnlinkWorkload(contender.View, contender.Forgets, queue, depth),
            tree => tree.CreateWriteUnlink()),
        Data("random read 4K", 4 << 10, write: false, random: true),
        Data("random write 4K", 4 << 10, write: true, random: true),
        Data("read 128K", 128 << 10, write: false),
        Data("write 128K", 128 << 10, write: true),
        Data("read 1M", 1 << 20, write: false),
        Data("write 1M", 1 << 20, write: true),
    ];

    static Operation Data(string name, int length, bool write, bool random = false) =>
        new(name, true, !write, (contender, queue, _) => new DataWorkload(contender.View, length, write, random, queue),
            tree => tree.Transfer(length, write, random));
}
