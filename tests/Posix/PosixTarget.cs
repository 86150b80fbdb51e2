namespace VirtioFsStore.Posix;

/// <summary>A file system that the rules are tried on.</summary>
/// <param name="Name">As the tests' rows show it.</param>
/// <param name="Features">What it must offer; those that run.py cannot find out are told to it.</param>
public sealed record PosixTarget(string Name, params string[] Features)
{
    /// <summary>Features that run.py takes our word for.</summary>
    static readonly string[] s_told = ["large", "slow", "direct", "killpriv", "cached", "writeback", "host-locks"];

    /// <summary>Served by a daemon; otherwise it is the reference itself.</summary>
    public bool IsMount { get; init; }

    /// <summary>What lies below is ext4, not tmpfs.</summary>
    public bool OnExt4 { get; init; }

    /// <summary>The daemon's.</summary>
    public string[] Options { get; init; } = [];

    /// <summary>Parts of names: of the rules only those that have one. Empty: all.</summary>
    public string[] Parts { get; init; } = [];

    /// <summary>The names of the rules that hold there.</summary>
    public IEnumerable<string> Rules =>
        from rule in PosixSuite.Rules
        where rule.Needs.All(Features.Contains) && (Parts.Length == 0 || Parts.Any(rule.Name.Contains))
        select rule.Name;

    /// <summary>Arguments of run.py. A rule's limit is for what hangs: a busy machine must not meet it.</summary>
    public string[] Arguments => ["--limit=120", $"--with={string.Join(',', Features.Where(s_told.Contains))}", $"--rules={string.Join(',', Parts)}"];

    public override string ToString() => Name;
}
