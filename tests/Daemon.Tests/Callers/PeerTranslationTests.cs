using System.Text;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Driver.Fuse;
using VirtioFsStore.Driver.Hosting;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.GuestRunner;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Callers;

/// <summary>The same rules of translation given to virtiofsd 1.14 and to this program: a guest and the host see the same.</summary>
public sealed class PeerTranslationTests
{
    static readonly string[] s_maps =
    [
        ":map::user.virtiofs.:",
        ":map:trusted.:user.virtiofs.:",
        "/prefix/all/trusted./user.virtiofs./ /bad/server//trusted./ /bad/client/user.virtiofs.// /ok/all///",
        ":prefix:client:security.:user.s.::prefix:server::user.s.::ok:all:::",
        ":bad:all:security.:security.::unsupported:all:trusted.:trusted.::ok:all:::",
        "/ok/client/user.// /ok/server//user./ /bad/all///",
        "/prefix/all/user./user.deep./ /ok/all///",
    ];

    /// <summary>So that names of all namespaces can be set, and the rules alone decide.</summary>
    const string AllCapabilities = "--modcaps=+sys_admin";

    static readonly string[] s_guestNames = ["user.plain", "user.virtiofs.trusted.a", "trusted.a", "security.a", "user.s.security.b"];
    static readonly string[] s_hostNames = ["user.of.host", "trusted.of.host", "security.of.host", "user.virtiofs.trusted.h", "user.s.h", "user.deep.h"];

    [PeerFact]
    public void Names_of_attributes_are_translated_as_by_the_peer()
    {
        foreach (var map in s_maps)
        {
            var transcripts = Both(["--xattr", "--xattrmap", map, AllCapabilities], share => Prepare(share, "file", s_hostNames), (machine, share) => TalkOfAttributes(machine, Path.Combine(share, "file")));

            Assert.Equal($"{map}\n{transcripts.Theirs}", $"{map}\n{transcripts.Ours}");
        }
    }

    [PeerFact]
    public void Ids_are_translated_as_by_the_peer()
    {
        string[] rules =
        [
            "--translate-uid", "map:1000:5000:10", "--translate-uid", "squash-guest:2000:7:100", "--translate-uid=forbid-guest:3000:10",
            "--translate-uid", "host:6000:60:10", "--translate-uid", "squash-host:7000:70:10", "--translate-gid", "guest:1000:8000:10",
        ];

        var transcripts = Both(rules, PrepareOwners, TalkOfIds);

        Assert.Equal(transcripts.Theirs, transcripts.Ours);
    }

    static (string Ours, string Theirs) Both(string[] options, Action<string> prepare, Func<VirtualMachine, string, string> talk)
    {
        return (Run(Daemon.Program), Run(RealParts.Default.Virtiofsd));

        string Run(string program)
        {
            using var place = new TemporaryDirectory();
            var share = Directory.CreateDirectory(place["share"]).FullName;
            prepare(share);
            using var daemon = ChildProcess.Start(program, ["--sandbox", "none", "--shared-dir", share, "--socket-path", place["sock"], .. options]);
            using var machine = VirtualMachine.Mount(place["sock"]);
            return talk(machine, share);
        }
    }

    static string TalkOfAttributes(VirtualMachine machine, string file)
    {
        var node = machine.Fuse.Walk("file").NodeId;
        var transcript = new StringBuilder();
        foreach (var name in s_guestNames)
        {
            var bytes = Encoding.UTF8.GetBytes(name);
            transcript.AppendLine($"{name}: set {(Errno)machine.Fuse.SetXattr(node, bytes, bytes)}");
            var read = machine.Fuse.GetXattr(node, bytes);
            transcript.AppendLine($"{name}: get {(Errno)read.Error} {(read.Error == 0 ? Encoding.UTF8.GetString(read.Value) : "")}");
        }
        transcript.AppendLine($"guest: {Sorted(machine.Fuse.ListXattr(node).Value)}").AppendLine($"host: {Sorted(HostNames(file))}");
        foreach (var name in s_guestNames)
            transcript.AppendLine($"{name}: remove {(Errno)machine.Fuse.RemoveXattr(node, Encoding.UTF8.GetBytes(name))}");
        return transcript.AppendLine($"host: {Sorted(HostNames(file))}").ToString();
    }

    static string TalkOfIds(VirtualMachine machine, string share)
    {
        var transcript = new StringBuilder();
        foreach (var file in Directory.GetFiles(share).Order(StringComparer.Ordinal))
        {
            var attributes = machine.Fuse.Walk(Path.GetFileName(file)).Attr;
            transcript.AppendLine($"{Path.GetFileName(file)}: {attributes.Uid}:{attributes.Gid}");
        }
        foreach (var id in new[] { 0u, 999u, 1000u, 1009u, 1010u, 2050u, 3000u, 3009u, 3010u, 6000u })
        {
            machine.Fuse.Caller = new FuseCaller(id, id);
            var made = machine.Fuse.MkDir(FuseClient.Root, Encoding.UTF8.GetBytes($"by-{id}"));
            // Which error is ours to choose: to virtiofsd it is EIO.
            transcript.AppendLine(made.Error != 0
                ? $"by {id}: an error"
                : $"by {id}: {made.Value.Attr.Uid}:{made.Value.Attr.Gid} {Owner(Path.Combine(share, $"by-{id}"))}");
        }
        return transcript.ToString();
    }

    static void PrepareOwners(string share)
    {
        // So that every caller may make something there.
        File.SetUnixFileMode(share, (UnixFileMode)0x1FF);
        foreach (var id in new[] { 0, 1000, 5000, 5009, 5010, 6003, 7003, 8003 })
        {
            var path = Path.Combine(share, $"of-{id:0000}");
            File.WriteAllText(path, "");
            Shell($"chown {id}:{id} '{path}'");
        }
    }

    static unsafe void Prepare(string share, string name, string[] attributes)
    {
        var path = Path.Combine(share, name);
        File.WriteAllText(path, "");
        byte value = 1;
        foreach (var attribute in attributes)
        {
            fixed (byte* pathBytes = Utf8Path.Encode(path), nameBytes = Utf8Path.Encode(attribute))
                SystemCallException.ThrowIfError(ExtendedAttributes.Set(pathBytes, nameBytes, &value, 1, 0), "setxattr", attribute);
        }
    }

    static unsafe byte[] HostNames(string path)
    {
        var names = new byte[65536];
        fixed (byte* pathBytes = Utf8Path.Encode(path), bytes = names)
            return names[..(int)ExtendedAttributes.List(pathBytes, bytes, (nuint)names.Length)];
    }

    static string Sorted(byte[] names) =>
        string.Join(' ', Encoding.UTF8.GetString(names).Split('\0', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));

    static string Owner(string path) => Shell($"stat -c %u:%g '{path}'").Trim();

    static string Shell(string command)
    {
        using var shell = ChildProcess.Launch("/bin/sh", ["-c", command]);
        Assert.True(shell.WaitForExit(TimeSpan.FromSeconds(20)));
        Assert.Equal(0, shell.ExitCode);
        return shell.OutputText;
    }
}
