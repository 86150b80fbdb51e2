using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Tests.Sandboxing;

/// <summary>Runs a filter as the kernel does (Documentation/networking/filter.rst), for calls of any architecture.</summary>
static class FilterEvaluator
{
    /// <returns>SECCOMP_RET_….</returns>
    /// <exception cref="InvalidOperationException">It leaves the program, or has an instruction that the kernel would refuse.</exception>
    public static uint Run(ReadOnlySpan<FilterInstruction> program, uint architecture, uint number, params ReadOnlySpan<ulong> arguments)
    {
        var accumulator = 0u;
        for (var at = 0; at < program.Length; at++)
        {
            var instruction = program[at];
            switch (instruction.Code)
            {
                case FilterInstruction.LD:
                    accumulator = Load(instruction.Operand, architecture, number, arguments);
                    break;
                case FilterInstruction.AND:
                    accumulator &= instruction.Operand;
                    break;
                case FilterInstruction.JA:
                    at += (int)instruction.Operand;
                    break;
                case FilterInstruction.JEQ:
                    at += accumulator == instruction.Operand ? instruction.WhenTrue : instruction.WhenFalse;
                    break;
                case FilterInstruction.JGE:
                    at += accumulator >= instruction.Operand ? instruction.WhenTrue : instruction.WhenFalse;
                    break;
                case FilterInstruction.RET:
                    return instruction.Operand;
                default:
                    throw new InvalidOperationException($"unknown instruction {instruction.Code:x}");
            }
        }
        throw new InvalidOperationException("The program has no end.");
    }

    // struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits.
    static uint Load(uint offset, uint architecture, uint number, ReadOnlySpan<ulong> arguments)
    {
        if (offset == 0)
            return number;
        if (offset == 4)
            return architecture;
        if (offset < 16 || offset % 4 != 0 || offset >= 64)
            throw new InvalidOperationException($"load at {offset}");
        var index = (int)(offset - 16) / 8;
        var value = index < arguments.Length ? arguments[index] : 0;
        return offset % 8 == 0 ? (uint)value : (uint)(value >> 32);
    }
}
