using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Fetching;

/// <summary>For what happens on other threads and tells nobody.</summary>
static class Wait
{
    /// <summary>Longer than anything takes on a busy machine: who waits so long waits for ever.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Looks again and again whether something is so, and fails the test when it is not within <see cref="Limit"/>.</summary>
    public static async Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var begun = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(begun) > Limit) Assert.Fail($"waited {Limit} in vain for {what}");
            await Task.Yield();
        }
    }
}
