using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Storage;

/// <summary>What an operation answers: a value, or an error number.</summary>
public readonly struct Reply<T>
    where T : struct
{
    Reply(in T value, Errno error)
    {
        Value = value;
        Error = error;
    }

    /// <summary>Meaningful only where <see cref="IsError"/> is false.</summary>
    public T Value { get; }

    public Errno Error { get; }

    public bool IsError => Error != Errno.None;

#pragma warning disable CA2225 // Conversions are the point: `return Errno.ENOENT;` and `return entry;`.
    public static implicit operator Reply<T>(in T value) => new(value, Errno.None);

    public static implicit operator Reply<T>(Errno error) => new(default, error);

    /// <summary>Most operations finish where they are called.</summary>
    public static implicit operator ValueTask<Reply<T>>(in Reply<T> reply) => new(reply);
#pragma warning restore CA2225
}
