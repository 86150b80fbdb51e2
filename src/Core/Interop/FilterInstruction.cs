using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Interop;

/// <summary>An instruction of classic BPF: struct sock_filter (linux/filter.h). Jumps count from the instruction after this one.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct FilterInstruction(ushort Code, byte WhenTrue, byte WhenFalse, uint Operand)
{
    /// <summary>BPF_LD | BPF_W | BPF_ABS: the accumulator becomes the word of struct seccomp_data at the operand.</summary>
    public const ushort LD = 0x20;

    /// <summary>BPF_ALU | BPF_AND | BPF_K.</summary>
    public const ushort AND = 0x54;

    /// <summary>BPF_JMP | BPF_JA: ahead by the operand.</summary>
    public const ushort JA = 0x05;

    /// <summary>BPF_JMP | BPF_JEQ | BPF_K.</summary>
    public const ushort JEQ = 0x15;

    /// <summary>BPF_JMP | BPF_JGE | BPF_K, unsigned.</summary>
    public const ushort JGE = 0x35;

    /// <summary>BPF_RET | BPF_K.</summary>
    public const ushort RET = 0x06;
}
