namespace VirtioFsStore.Backends.Local.Tests;

static class ValueTaskExtensions
{
    /// <summary>The result of an operation that must not wait.</summary>
    public static T Now<T>(this ValueTask<T> task)
    {
        Assert.True(task.IsCompleted);
        return task.Result;
    }
}
