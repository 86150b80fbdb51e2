using VirtioFsStore.Benchmarks.Trees;

namespace VirtioFsStore.Benchmarks.Dax;

/// <summary>Work of a guest on a mounted image: shell text, in which $m is the mount point.</summary>
/// <param name="Name">As the table has it.</param>
/// <param name="Command">Fails where the image is not what it should be. What is timed is all of it, or what it says by "took SECONDS".</param>
/// <param name="Cold">The guest has forgotten what it knew.</param>
/// <param name="Python">Of the image with Python; else of the sample.</param>
/// <param name="LeastGain">How many times as fast as reads at least, in the default mode.</param>
sealed record DaxTask(string Name, string Command, bool Cold, bool Python, double LeastGain)
{
    public const int Files = 20_000;

    /// <summary>What rounds differ by on a quiet machine.</summary>
    const double AsFast = 0.95;

    const string Size = "os.path.getsize(sys.argv[1])";

    public static IReadOnlyList<DaxTask> All { get; } =
    [
        new("touch each page, cold", Timed($"p = mmap.mmap(f, 0, prot=mmap.PROT_READ); assert len(p[::4096]) == {Size} // 4096"), Cold: true, Python: false, LeastGain: 3),
        new("touch each page, again", Timed($"p = mmap.mmap(f, 0, prot=mmap.PROT_READ); assert len(p[::4096]) == {Size} // 4096"), Cold: false, Python: false, AsFast),
        new("read in order, cold", Timed("b = bytearray(1 << 20); n = 0\nwhile os.readv(f, [b]): n += 1\nassert n == os.path.getsize(sys.argv[1]) >> 20"), Cold: true, Python: false, AsFast),
        new("read in order, again", Timed("b = bytearray(1 << 20); n = 0\nwhile os.readv(f, [b]): n += 1\nassert n == os.path.getsize(sys.argv[1]) >> 20"), Cold: false, Python: false, AsFast),
        new("4,000 random reads, cold", Timed($"r = random.Random(1); n = {Size} // 4096\nfor _ in range(4000): assert len(os.pread(f, 4096, r.randrange(n) * 4096)) == 4096"), Cold: true, Python: false, AsFast),
        new($"read {Files:N0} small files", $"[ $(find $m -path '*/file-*' -type f | xargs cat | wc -c) = {Files * SampleTree.FileSize} ]", Cold: true, Python: false, AsFast),
        new("python3 -c 'import …'", "chroot $m /usr/bin/python3 -c 'import json, re, argparse, collections'", Cold: true, Python: true, AsFast),
        new("python3 again", "chroot $m /usr/bin/python3 -c 'import json, re, argparse, collections'", Cold: false, Python: true, AsFast),
    ];

    /// <summary>The interpreter's own start is no part of it.</summary>
    static string Timed(string body) =>
        $"python3 -c \"$(printf '{("import mmap, os, random, sys, time\nf = os.open(sys.argv[1], os.O_RDONLY)\nt = time.perf_counter()\n" + body + "\nprint('took', time.perf_counter() - t)").Replace("%", "%%", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("'", "\\047", StringComparison.Ordinal)}')\" $m/{SampleTree.LargeName}";
}
