namespace VirtioFsStore.Backends.ObjectStore.Tests.Cache;

/// <summary>How long the seeded loops go on: some seconds in the suite, as much longer as $VIRTIOFS_STORE_TEST_REPEATS says.</summary>
static class Repeats
{
    public static int Of(int count) =>
        int.TryParse(Environment.GetEnvironmentVariable("VIRTIOFS_STORE_TEST_REPEATS"), out var factor) ? count * Math.Max(factor, 1) : count;
}
