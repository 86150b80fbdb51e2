namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>Holds where a system call's argument, under the mask, is the value. Of its lower 32 bits, all that the kernel looks at in the arguments tested here.</summary>
readonly record struct ArgumentTest(int Argument, uint Mask, uint Value);
