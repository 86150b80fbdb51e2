using System.Diagnostics.CodeAnalysis;

namespace VirtioFsStore.Core.Interop;

/// <summary>A system call that set-up work needed has failed; says which call, on what, and the kernel's reason.</summary>
public sealed class SystemCallException : IOException
{
    public SystemCallException(Errno error, string call, string? subject)
        : base(subject is null ? $"{call}: {error.Describe()} ({error})" : $"{call} {subject}: {error.Describe()} ({error})")
    {
        Error = error;
        Call = call;
    }

    public Errno Error { get; }

    public string Call { get; }

    /// <summary>Returns <paramref name="result"/> if it is 0 or above, else throws. For set-up only: request paths return the error.</summary>
    public static nint ThrowIfError(nint result, string call, string? subject = null)
    {
        if (result < 0)
            Throw(result.ToErrno(), call, subject);
        return result;
    }

    /// <inheritdoc cref="ThrowIfError(nint, string, string?)"/>
    public static int ThrowIfError(int result, string call, string? subject = null)
    {
        if (result < 0)
            Throw(result.ToErrno(), call, subject);
        return result;
    }

    [DoesNotReturn]
    static void Throw(Errno error, string call, string? subject) => throw new SystemCallException(error, call, subject);
}
