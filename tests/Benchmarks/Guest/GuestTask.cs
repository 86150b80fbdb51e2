using VirtioFsStore.Benchmarks.Trees;

namespace VirtioFsStore.Benchmarks.Guest;

/// <summary>Work of a guest on a mounted tree: shell text, in which $m is the mount point.</summary>
/// <param name="Name">As the table has it.</param>
/// <param name="Prepare">Runs before, untimed.</param>
/// <param name="Command">Is timed; fails where the tree is not what it should be.</param>
/// <param name="CleanUp">Runs after, untimed.</param>
sealed record GuestTask(string Name, string Prepare, string Command, string CleanUp = ":")
{
    public const int Files = 20_000;

    const string ForgetAll = "sync; echo 3 > /proc/sys/vm/drop_caches";
    const string CountFiles = "[ \"$(find $m -type f | wc -l)\" = FILES ]";
    static readonly string s_megabytes = $"{SampleTree.LargeSize >> 20}";
    static readonly string s_find = CountFiles.Replace("FILES", $"{Files + 1}", StringComparison.Ordinal);

    public static GuestTask[] All { get; } =
    [
        new($"find over {Files:N0} files, cold", ForgetAll, s_find),
        new($"find over {Files:N0} files, again", ":", s_find),
        new($"read {s_megabytes} MiB", ForgetAll, $"dd if=$m/{SampleTree.LargeName} of=/dev/null bs=1M 2>/dev/null"),
        new($"write {s_megabytes} MiB, fsync", ForgetAll,
            $"dd if=/dev/zero of=$m/{SampleTree.ScratchName}/new bs=1M count={s_megabytes} conv=fsync 2>/dev/null", $"rm $m/{SampleTree.ScratchName}/new"),
        new("1,000 creates", ":",
            $"i=0; while [ $i -lt 1000 ]; do : > $m/{SampleTree.ScratchName}/$i || break; i=$((i + 1)); done; [ $i = 1000 ]", $"rm $m/{SampleTree.ScratchName}/*"),
    ];
}
