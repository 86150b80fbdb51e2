using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Daemon.Sandboxing;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>The program that goes to the kernel, for both architectures.</summary>
public sealed class FilterProgramTests
{
    const int Self = 4711;
    const uint Kill = Seccomp.RET_KILL_PROCESS;

    static readonly Dictionary<string, CallRule> s_rules = ServerCalls.RulesOf(Self);

    public static TheoryData<Architecture> Architectures => [Architecture.X64, Architecture.Arm64];

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Every_number_meets_what_its_rule_says(Architecture architecture)
    {
        var program = SeccompFilter.Build(architecture, Self, Kill);
        var byNumber = s_rules.Where(rule => SystemCalls.Find(rule.Key).On(architecture) is not null)
            .ToDictionary(rule => (uint)SystemCalls.Find(rule.Key).On(architecture)!.Value, rule => rule.Value);

        for (var number = 0u; number <= SystemCalls.Newest; number++)
        {
            var rule = byNumber.GetValueOrDefault(number);
            // No rule tests for this value, nor for any of its bits alone.
            var expected = rule?.Otherwise ?? Kill;
            Assert.Equal((number, expected), (number, Evaluate(program, architecture, number, 0xFFFF_F000, 0xFFFF_F000, 0xFFFF_F000)));
            foreach (var tests in rule?.Cases ?? [])
            {
                var arguments = new ulong[6];
                Array.Fill(arguments, 0xFFFF_F000u);
                foreach (var test in tests)
                {
                    // One that does not hold is enough.
                    Assert.Equal((number, expected), (number, Evaluate(program, architecture, number, arguments)));
                    arguments[test.Argument] = test.Value;
                }
                Assert.Equal((number, Seccomp.RET_ALLOW), (number, Evaluate(program, architecture, number, arguments)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void No_way_out_of_the_process_is_open(Architecture architecture)
    {
        var program = SeccompFilter.Build(architecture, Self, Kill);
        string[] forbidden =
        [
            "execve", "execveat", "mount", "umount2", "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsmount", "fsconfig", "fspick",
            "pivot_root", "chroot", "setns", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
            "bpf", "perf_event_open", "userfaultfd", "io_setup", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
            "init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "acct", "quotactl", "settimeofday", "clock_settime",
            "sethostname", "setdomainname", "syslog", "personality", "seccomp", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setpriority",
        ];

        var open = forbidden.Where(name => SystemCalls.Find(name).On(architecture) is { } number && Evaluate(program, architecture, (uint)number) != Kill);

        Assert.Empty(open);
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Calls_by_another_interface_are_not_taken_for_what_their_numbers_mean_here(Architecture architecture)
    {
        var program = SeccompFilter.Build(architecture, Self, Kill);
        var read = (uint)SystemCalls.Find("read").On(architecture)!.Value;
        const uint i386 = 0x40000003;

        Assert.Equal(Seccomp.RET_ALLOW, Evaluate(program, architecture, read));
        Assert.Equal(Kill, FilterEvaluator.Run(program, i386, read));
        Assert.Equal(Kill, Evaluate(program, architecture, read | Seccomp.X32_SYSCALL_BIT));
        Assert.Equal(Kill, Evaluate(program, architecture, uint.MaxValue));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Calls_younger_than_the_program_do_not_exist(Architecture architecture)
    {
        var program = SeccompFilter.Build(architecture, Self, Kill);

        Assert.Equal(Seccomp.RET_ERRNO | (uint)Errno.ENOSYS, Evaluate(program, architecture, (uint)SystemCalls.Newest + 1));
        Assert.Equal(Seccomp.RET_ERRNO | (uint)Errno.ENOSYS, Evaluate(program, architecture, 1000));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Clone_makes_threads_alone(Architecture architecture)
    {
        const ulong glibc = 0x3D0F00; // VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID
        var program = SeccompFilter.Build(architecture, Self, Kill);
        var clone = (uint)SystemCalls.Find("clone").On(architecture)!.Value;

        Assert.Equal(Seccomp.RET_ALLOW, Evaluate(program, architecture, clone, glibc));
        foreach (var bit in (int[])[17, 25, 26, 27, 28, 29, 30])
            Assert.Equal(Seccomp.RET_ERRNO | (uint)Errno.EPERM, Evaluate(program, architecture, clone, glibc | (1UL << bit)));
        Assert.Equal(Seccomp.RET_ERRNO | (uint)Errno.EPERM, Evaluate(program, architecture, clone, 17));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void An_option_of_a_socket_is_not_taken_for_one_of_the_same_number_elsewhere(Architecture architecture)
    {
        var program = SeccompFilter.Build(architecture, Self, Kill, keeper: true);
        var setsockopt = (uint)SystemCalls.Find("setsockopt").On(architecture)!.Value;
        (uint Level, uint Option)[] forbidden =
        [
            (1, 26), (1, 50), // SO_ATTACH_FILTER, SO_ATTACH_BPF
            (6, 13), (6, 16), (6, 31), // TCP_CONGESTION, TCP_THIN_LINEAR_TIMEOUTS, TCP_ULP
            (0, 64), (41, 64), // IPT_SO_SET_REPLACE
        ];

        Assert.All(forbidden, pair => Assert.Equal(Kill, Evaluate(program, architecture, setsockopt, 3, pair.Level, pair.Option)));
        // SO_REUSEADDR, TCP_NODELAY, IPV6_V6ONLY.
        Assert.All([(1u, 2u), (6u, 1u), (41u, 26u)], pair => Assert.Equal(Seccomp.RET_ALLOW, Evaluate(program, architecture, setsockopt, 3, pair.Item1, pair.Item2)));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void What_lending_takes_is_a_keepers_alone(Architecture architecture)
    {
        var (fcntl, ioctl) = ((uint)SystemCalls.Find("fcntl").On(architecture)!.Value, (uint)SystemCalls.Find("ioctl").On(architecture)!.Value);
        // F_SETLEASE; FS_IOC_GETFLAGS, FS_IOC_SETFLAGS.
        (uint Call, uint Command)[] calls = [(fcntl, 1024), (ioctl, 0x80086601), (ioctl, 0x40086602)];

        Assert.All(calls, call => Assert.Equal(Seccomp.RET_ALLOW, Evaluate(SeccompFilter.Build(architecture, Self, Kill, keeper: true), architecture, call.Call, 3, call.Command)));
        Assert.All(calls, call => Assert.Equal(Kill, Evaluate(SeccompFilter.Build(architecture, Self, Kill), architecture, call.Call, 3, call.Command)));
    }

    [Theory]
    [MemberData(nameof(Architectures))]
    public void The_kernel_takes_its_length(Architecture architecture)
    {
        const int maximum = 4096; // BPF_MAXINSNS

        Assert.InRange(SeccompFilter.Build(architecture, Self, Kill).Length, 1, maximum);
    }

    [Fact]
    public void No_two_names_have_one_number()
    {
        foreach (var architecture in (Architecture[])[Architecture.X64, Architecture.Arm64])
        {
            var numbers = SystemCalls.All.Select(call => call.On(architecture)).Where(number => number is not null).ToArray();

            Assert.Equal(numbers.Length, numbers.Distinct().Count());
        }
    }

    static uint Evaluate(FilterInstruction[] program, Architecture architecture, uint number, params ReadOnlySpan<ulong> arguments) => FilterEvaluator.Run(
        program, architecture == Architecture.Arm64 ? Seccomp.AUDIT_ARCH_AARCH64 : Seccomp.AUDIT_ARCH_X86_64, number, arguments);
}
