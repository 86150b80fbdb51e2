using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>What becomes of a system call: it is done where all tests of one of <see cref="Cases"/> hold, and <see cref="Otherwise"/> says what else.</summary>
sealed class CallRule
{
    CallRule(IReadOnlyList<ArgumentTest[]> cases, uint? otherwise)
    {
        Cases = cases;
        Otherwise = otherwise;
    }

    public static CallRule Allow { get; } = new([], Seccomp.RET_ALLOW);

    public IReadOnlyList<ArgumentTest[]> Cases { get; }

    /// <summary>A value for the kernel (SECCOMP_RET_…); null: what the filter does with calls that nobody needs.</summary>
    public uint? Otherwise { get; }

    /// <summary>It is not done and answers the error, as on a kernel that does not have it or denies it.</summary>
    public static CallRule Refuse(Errno error) => new([], Answer(error));

    /// <summary>Done where the argument is one of the values.</summary>
    public static CallRule When(int argument, params IEnumerable<uint> values) =>
        new([.. values.Select(value => new[] { new ArgumentTest(argument, uint.MaxValue, value) })], null);

    /// <summary>Done where two arguments are one of the pairs of values.</summary>
    public static CallRule WhenBoth(int first, int second, params IEnumerable<(uint First, uint Second)> values) =>
        new([.. values.Select(pair => new[] { new ArgumentTest(first, uint.MaxValue, pair.First), new ArgumentTest(second, uint.MaxValue, pair.Second) })], null);

    /// <summary>Done where the argument's bits under the mask are the value.</summary>
    public static CallRule WhenMasked(int argument, uint mask, uint value) => new([[new ArgumentTest(argument, mask, value)]], null);

    /// <summary>The same, but where no case holds the call answers the error.</summary>
    public CallRule Else(Errno error) => new(Cases, Answer(error));

    static uint Answer(Errno error) => Seccomp.RET_ERRNO | (uint)error;
}
