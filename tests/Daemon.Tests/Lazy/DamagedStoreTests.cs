using VirtioFsStore.RealServers;
using Xunit;
using Xunit.Abstractions;

namespace VirtioFsStore.Daemon.Tests.Lazy;

/// <summary>Damage to files of the store between two runs: what is read afterwards is right or an error, and no process dies of it.</summary>
public sealed class DamagedStoreTests(RemotePlaces places, ITestOutputHelper output) : IClassFixture<RemotePlaces>
{
    /// <summary>Bytes at once.</summary>
    const int MaxDamage = 64;

    [RealServerFact]
    public async Task Whatever_file_is_damaged_no_wrong_byte_is_read()
    {
        await using var setup = await LazySetup.CreateAsync(places, PlaceKind.Registry);
        using (var server = setup.Serve())
        {
            using (var machine = setup.Boot())
            {
                setup.AssertRight(machine.Fuse, KnownImage.OtherFile);
                setup.AssertRight(machine.Fuse, KnownImage.LargeFile);
            }
            Assert.True(server.WaitForExit(LazySetup.Wait), server.ErrorText);
        }
        var whole = setup.PathOf("whole");
        Directory.Move(setup.Store, whole);
        var kinds = Files(whole).GroupBy(KindOf).Select(kind => kind.ToArray()).ToArray();
        // An index, data, state, used and digests of a layer, a tree, documents and references.
        Assert.True(kinds.Length >= 8, string.Join(' ', kinds.Select(kind => kind[0])));

        var (refused, failed) = (0, 0);
        var rounds = Rounds.Of(kinds.Length);
        for (var round = 0; round < rounds; round++)
        {
            var random = new Random(round);
            Copy(whole, setup.Store);
            var kind = kinds[round % kinds.Length];
            var file = kind[random.Next(kind.Length)];
            var what = $"round {round}: {file}, {Damage(Path.Combine(setup.Store, file), random)}";
            try
            {
                if (!Serves(setup, what, out var failures))
                    refused++;
                failed += failures;
            }
            finally
            {
                Directory.Delete(setup.Store, recursive: true);
            }
        }
        output.WriteLine($"{rounds} rounds: {refused} starts refused, {failed} reads failed");
    }

    /// <summary>False where the start is refused, which is said in a line.</summary>
    static bool Serves(LazySetup setup, string what, out int failures)
    {
        failures = 0;
        Driver.Hosting.ChildProcess server;
        try
        {
            server = setup.Serve(more: ["--io-timeout", "5s"]);
        }
        catch (InvalidOperationException exception)
        {
            Assert.DoesNotContain("Unhandled", exception.Message, StringComparison.Ordinal);
            Assert.True(exception.Message.Contains("virtiofs-store: ", StringComparison.Ordinal), $"{what}: {exception.Message}");
            return false;
        }
        using (server)
        {
            using var machine = setup.Boot();
            try
            {
                failures = setup.CountFailures(machine.Fuse);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"{what}: {exception.Message} The server wrote: {server.ErrorText}", exception);
            }
            Assert.False(server.HasExited, $"{what}: the server ended. It wrote: {server.ErrorText}");
            Assert.DoesNotContain("Exception", server.ErrorText, StringComparison.Ordinal);
        }
        return true;
    }

    static string Damage(string path, Random random)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        if (file.Length == 0)
            return "empty";
        var offset = random.NextInt64(file.Length);
        var bytes = new byte[Math.Min(random.Next(1, MaxDamage), file.Length - offset)];
        random.NextBytes(bytes);
        file.Position = offset;
        file.Write(bytes);
        return $"{bytes.Length} bytes at {offset}";
    }

    /// <summary>Its folder and, of a layer, its name: digests apart.</summary>
    static string KindOf(string path) => path.StartsWith("layers-", StringComparison.Ordinal) ? Path.GetFileName(path) : path.Split('/')[0];

    static string[] Files(string root) =>
    [
        .. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(root, path))
            .Where(path => !path.StartsWith("locks/", StringComparison.Ordinal) && !path.EndsWith(".sock", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];

    /// <summary>By cp, which keeps times, on which a layer's seal depends, and holes.</summary>
    static void Copy(string from, string to)
    {
        using var copy = System.Diagnostics.Process.Start("cp", ["-a", from, to]);
        copy.WaitForExit();
        Assert.Equal(0, copy.ExitCode);
    }
}
