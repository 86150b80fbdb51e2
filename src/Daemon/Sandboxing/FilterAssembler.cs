using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>
/// Makes the BPF program of rules: a binary search over the ranges of numbers that share one, so that every call costs the same few
/// comparisons; where arguments do not matter, newer kernels (5.11) run it once and remember the answer.
/// </summary>
static class FilterAssembler
{
    /// <param name="architecture">Whose numbers count; calls of any other interface of the machine meet <paramref name="otherwise"/>.</param>
    /// <param name="rules">By the name of the call.</param>
    /// <param name="otherwise">What happens with calls without a rule (SECCOMP_RET_…).</param>
    public static FilterInstruction[] Assemble(Architecture architecture, IReadOnlyDictionary<string, CallRule> rules, uint otherwise)
    {
        var audit = architecture == Architecture.Arm64 ? Seccomp.AUDIT_ARCH_AARCH64 : Seccomp.AUDIT_ARCH_X86_64;
        List<FilterInstruction> program =
        [
            new(FilterInstruction.LD, 0, 0, Seccomp.ArchitectureOffset),
            new(FilterInstruction.JEQ, 1, 0, audit),
            new(FilterInstruction.RET, 0, 0, otherwise),
            new(FilterInstruction.LD, 0, 0, Seccomp.NumberOffset),
        ];
        program.AddRange(Search(CollectionsMarshal.AsSpan(Ranges(architecture, rules)), otherwise));
        return [.. program];
    }

    /// <summary>Each from its first number to the next one's; null: no rule.</summary>
    static List<(uint First, CallRule? Rule)> Ranges(Architecture architecture, IReadOnlyDictionary<string, CallRule> rules)
    {
        var byNumber = new CallRule?[SystemCalls.Newest + 1];
        foreach (var (name, rule) in rules)
        {
            if (SystemCalls.Find(name).On(architecture) is { } number)
                byNumber[number] = rule;
        }
        var ranges = new List<(uint First, CallRule? Rule)> { (0, byNumber[0]) };
        for (var number = 1; number < byNumber.Length; number++)
        {
            if (ranges[^1].Rule != byNumber[number])
                ranges.Add(((uint)number, byNumber[number]));
        }
        // Younger than this program: a C library that asks for one goes without it when told that the kernel does.
        ranges.Add(((uint)byNumber.Length, CallRule.Refuse(Errno.ENOSYS)));
        ranges.Add((Seccomp.X32_SYSCALL_BIT, null));
        return ranges;
    }

    static List<FilterInstruction> Search(ReadOnlySpan<(uint First, CallRule? Rule)> ranges, uint otherwise)
    {
        if (ranges.Length == 1)
            return Judge(ranges[0].Rule, otherwise);
        var middle = ranges.Length / 2;
        var lower = Search(ranges[..middle], otherwise);
        // A conditional jump reaches 255 instructions ahead.
        List<FilterInstruction> code = lower.Count <= byte.MaxValue
            ? [new(FilterInstruction.JGE, (byte)lower.Count, 0, ranges[middle].First)]
            : [new(FilterInstruction.JGE, 0, 1, ranges[middle].First), new(FilterInstruction.JA, 0, 0, (uint)lower.Count)];
        code.AddRange(lower);
        code.AddRange(Search(ranges[middle..], otherwise));
        return code;
    }

    static List<FilterInstruction> Judge(CallRule? rule, uint otherwise)
    {
        var code = new List<FilterInstruction>();
        foreach (var tests in rule?.Cases ?? [])
        {
            List<FilterInstruction> done = [new(FilterInstruction.RET, 0, 0, Seccomp.RET_ALLOW)];
            // From the last one on, for each has to jump behind those that follow.
            foreach (var test in tests.Reverse())
            {
                done.Insert(0, new(FilterInstruction.JEQ, 0, (byte)done.Count, test.Value));
                if (test.Mask != uint.MaxValue)
                    done.Insert(0, new(FilterInstruction.AND, 0, 0, test.Mask));
                done.Insert(0, new(FilterInstruction.LD, 0, 0, Seccomp.ArgumentsOffset + ((uint)test.Argument * sizeof(ulong))));
            }
            code.AddRange(done);
        }
        code.Add(new(FilterInstruction.RET, 0, 0, rule is null ? otherwise : rule.Otherwise ?? otherwise));
        return code;
    }
}
