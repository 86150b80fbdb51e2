using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>
/// The system calls that a serving process needs, by who needs them: found by tracing the program under its tests, under guests and under
/// memory pressure, and by reading what the runtime and the C library may do at any later time. A rare path must not end a guest's server.
/// </summary>
/// <remarks>
/// Not here on purpose, beside what nobody needs: execve; mount, umount2, the mount API, setns and pivot_root; ptrace and process_vm_*;
/// bpf, perf_event_open, userfaultfd and io_uring; keys; chroot; kernel modules. Memory may become executable (mmap, mprotect), for the
/// runtime compiles while it runs. Which file handles open is for CAP_DAC_READ_SEARCH to say, not for the filter.
/// </remarks>
static class ServerCalls
{
    // linux/sched.h.
    const uint CLONE_FS = 0x200;
    const uint CLONE_VM = 0x100;
    const uint CLONE_SIGHAND = 0x800;
    const uint CLONE_THREAD = 0x10000;
    const uint CLONE_NEW = 0x7E020000; // NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET

    const uint AF_UNIX = 1;
    const uint AF_INET = 2;
    const uint AF_INET6 = 10;
    const uint AF_NETLINK = 16;
    const uint SCHED_OTHER = 0;

    // The levels of socket options.
    const uint IPPROTO_IP = 0;
    const uint SOL_SOCKET = 1;
    const uint IPPROTO_TCP = 6;
    const uint IPPROTO_IPV6 = 41;
    const uint SOL_NETLINK = 270;

    // linux/prctl.h.
    const uint PR_SET_NAME = 15;
    const uint PR_GET_NAME = 16;
    const uint PR_SET_VMA = 0x53564D41;

    /// <summary>The collector's, the JIT's and malloc's memory.</summary>
    static readonly string[] s_memory =
    [
        "brk", "get_mempolicy", "madvise", "mbind", "membarrier", "memfd_create", "mincore", "mlock", "mmap", "mprotect", "mremap", "msync", "munlock", "munmap",
    ];

    /// <summary>Threads that start, wait and end, signals and clocks (those where the vDSO has none to give).</summary>
    static readonly string[] s_threads =
    [
        "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex", "getcpu", "getpriority", "gettid", "gettimeofday", "nanosleep",
        "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_get_priority_max", "sched_get_priority_min",
        "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_setaffinity", "sched_yield", "set_robust_list", "sigaltstack", "time",
    ];

    /// <summary>What the runtime asks about the process and the machine: for its limits, names of files, and groups by name.</summary>
    static readonly string[] s_questions =
    [
        "getcwd", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getrandom", "getresgid", "getresuid",
        "getrlimit", "getrusage", "getsid", "getuid", "sysinfo", "times", "uname", "wait4", "waitid",
    ];

    /// <summary>Files and pipes: assemblies and symbols, /proc and /sys, logs, the store, and the requests' own.</summary>
    static readonly string[] s_files =
    [
        "access", "chmod", "chown", "close", "copy_file_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
        "epoll_wait", "eventfd2", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat",
        "fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getdents64", "lchown", "link", "linkat", "lseek", "lstat", "mkdir", "mkdirat",
        "newfstatat", "open", "openat", "pipe", "pipe2", "poll", "ppoll", "pread64", "preadv", "preadv2", "pselect6", "pwrite64", "pwritev",
        "pwritev2", "read", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "stat", "statfs", "statx",
        "symlink", "symlinkat", "sync_file_range", "syncfs", "truncate", "unlink", "unlinkat", "utimensat", "write", "writev",
    ];

    /// <summary>What only a guest's requests need: inodes by handle, nodes, attributes, and another user's identity for what that user creates.</summary>
    static readonly string[] s_requests =
    [
        "capget", "capset", "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "getxattrat", "lgetxattr", "listxattr", "listxattrat",
        "llistxattr", "lremovexattr", "lsetxattr", "mknodat", "name_to_handle_at", "open_by_handle_at", "openat2", "removexattr", "removexattrat",
        "setgroups", "setresgid", "setresuid", "setxattr", "setxattrat", "umask",
    ];

    /// <summary>The VMM's connection and its descriptors, the system log's socket, and the runtime's for diagnostic tools.</summary>
    static readonly string[] s_sockets =
    [
        "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmsg", "sendmsg", "sendto",
        "shutdown", "socketpair",
    ];

    /// <summary>The keeper of a store, where that is the same process: whether another took its place.</summary>
    static readonly string[] s_keeper = ["inotify_add_watch", "inotify_init1", "inotify_rm_watch"];

    // F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL; record locks (5 to 7, of open files 36 to 38); F_DUPFD_CLOEXEC, pipe sizes, seals.
    // Not F_SETOWN and F_SETSIG, by which a descriptor signals any process of the same user.
    static readonly uint[] s_fcntl = [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032, 1033, 1034];

    // Of a keeper: F_SETLEASE, which tells whether anybody has a file open for writing; FS_IOC_GETFLAGS and FS_IOC_SETFLAGS, for what it lends.
    const uint F_SETLEASE = 1024;
    static readonly uint[] s_inodeFlags = [0x80086601, 0x40086602];

    // TCGETS and TCSETS (W, F), TCGETS2, TIOCGPGRP, TIOCGWINSZ: whether a stream is a terminal, and its state put back at the end.
    // FIONREAD, FIONBIO, FIOCLEX.
    // FICLONE: how .NET copies files. Not TIOCSTI, by which a program types into its caller's terminal.
    static readonly uint[] s_ioctl = [0x5401, 0x5402, 0x5403, 0x5404, 0x802C542A, 0x540F, 0x5413, 0x541B, 0x5421, 0x5451, 0x40049409];

    // SO_REUSEADDR, SO_SNDBUF, SO_RCVBUF, SO_PASSCRED, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO. Not SO_ATTACH_FILTER and SO_ATTACH_BPF.
    static readonly (uint Level, uint Option)[] s_socketOptions =
        [(SOL_SOCKET, 2), (SOL_SOCKET, 7), (SOL_SOCKET, 8), (SOL_SOCKET, 13), (SOL_SOCKET, 16), (SOL_SOCKET, 20), (SOL_SOCKET, 21)];

    // Of a keeper that reaches its sources itself: SO_BROADCAST, SO_KEEPALIVE; TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT;
    // IP_RECVERR, IPV6_RECVERR and NETLINK_PKTINFO of the resolver's sockets, IPV6_V6ONLY.
    static readonly (uint Level, uint Option)[] s_networkOptions =
    [
        (SOL_SOCKET, 6), (SOL_SOCKET, 9), (IPPROTO_TCP, 1), (IPPROTO_TCP, 4), (IPPROTO_TCP, 5), (IPPROTO_TCP, 6),
        (IPPROTO_IP, 11), (IPPROTO_IPV6, 25), (IPPROTO_IPV6, 26), (SOL_NETLINK, 3),
    ];

    /// <summary>By the name of the call.</summary>
    /// <param name="processId">The only process that may be signalled, or have its limits asked.</param>
    /// <param name="keeper">The process is a store's keeper as well: it reaches registries and buckets itself, and lends what it has.</param>
    public static Dictionary<string, CallRule> RulesOf(int processId, bool keeper = false)
    {
        var self = (uint)processId;
        var rules = new Dictionary<string, CallRule>();
        foreach (var name in (IEnumerable<string>)[.. s_memory, .. s_threads, .. s_questions, .. s_files, .. s_requests, .. s_sockets, .. s_keeper])
            rules.Add(name, CallRule.Allow);

        // A thread of this process in its namespaces. Otherwise a refusal: who asks the runtime for a dump makes it start createdump,
        // which is then missing, but the server goes on, and one that aborts still says why and ends by SIGABRT.
        const uint thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
        rules.Add("clone", CallRule.WhenMasked(0, thread | CLONE_NEW, thread).Else(Errno.EPERM));
        rules.Add("fork", CallRule.Refuse(Errno.EPERM));
        rules.Add("vfork", CallRule.Refuse(Errno.EPERM));
        // Its flags lie in memory, where a filter cannot look: the C library takes clone where this does not exist.
        rules.Add("clone3", CallRule.Refuse(Errno.ENOSYS));
        // A umask of a thread's own, for what it creates.
        rules.Add("unshare", CallRule.When(0, CLONE_FS));

        // abort, and the runtime's and the C library's signals between threads.
        rules.Add("kill", CallRule.When(0, self));
        rules.Add("tgkill", CallRule.When(0, self));
        // The thread meant is any; its policy stays the ordinary one.
        rules.Add("sched_setscheduler", CallRule.When(1, SCHED_OTHER));

        rules.Add("prlimit64", CallRule.When(0, 0, self));
        rules.Add("setrlimit", CallRule.Allow);

        // Names of threads and of memory. Whatever else a library asks for answers as on a kernel without it.
        rules.Add("prctl", CallRule.When(0, PR_SET_NAME, PR_GET_NAME, PR_SET_VMA).Else(Errno.EINVAL));
        // x64 only: loading a library may ask about shadow stacks.
        rules.Add("arch_prctl", CallRule.Refuse(Errno.EINVAL));

        rules.Add("fcntl", CallRule.When(1, keeper ? [.. s_fcntl, F_SETLEASE] : s_fcntl));
        rules.Add("ioctl", CallRule.When(1, keeper ? [.. s_ioctl, .. s_inodeFlags] : s_ioctl));

        // Name services try other families, and .NET's sockets ask at their first use which there are.
        rules.Add("socket", CallRule.When(0, keeper ? [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] : [AF_UNIX]).Else(Errno.EAFNOSUPPORT));
        rules.Add("setsockopt", CallRule.WhenBoth(1, 2, keeper ? [.. s_socketOptions, .. s_networkOptions] : s_socketOptions));
        if (keeper)
        {
            rules.Add("sendmmsg", CallRule.Allow);
            rules.Add("recvmmsg", CallRule.Allow);
        }

        // C libraries of tomorrow try them and have another way.
        foreach (var name in (string[])["futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "map_shadow_stack", "mseal"])
            rules.Add(name, CallRule.Refuse(Errno.ENOSYS));
        return rules;
    }
}
