using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Core.Transport;

/// <summary>What a VMM was asked to take out of its window.</summary>
/// <param name="Answer">For a guest that waits: done, or as good as done where the VMM waits for this side and will do it afterwards.</param>
/// <param name="Done">What the VMM itself has answered: until then it may show its guest what was there.</param>
public readonly record struct WindowRemoval(Task<Errno> Answer, Task<Errno> Done)
{
    static readonly Task<Errno> s_done = Task.FromResult(Errno.None);

    /// <summary>Of something that the VMM does not know.</summary>
    public static WindowRemoval OfNothing { get; } = new(s_done, s_done);

    /// <summary>Of both; the worse of two answers, EIO before a refusal.</summary>
    public WindowRemoval And(in WindowRemoval other)
    {
        var done = BothAsync(Done, other.Done);
        return new WindowRemoval(AnswerAsync(this, other, done), done);
    }

    static async Task<Errno> AnswerAsync(WindowRemoval first, WindowRemoval second, Task<Errno> done)
    {
        var result = await BothAsync(first.Answer, second.Answer).ConfigureAwait(false);
        // Whoever has the answer finds what is done already done.
        return first.Done.IsCompleted && second.Done.IsCompleted ? await done.ConfigureAwait(false) : result;
    }

    static async Task<Errno> BothAsync(Task<Errno> first, Task<Errno> second)
    {
        var result = await first.ConfigureAwait(false);
        return await second.ConfigureAwait(false) is var other && (other == Errno.EIO || result == Errno.None) ? other : result;
    }
}
