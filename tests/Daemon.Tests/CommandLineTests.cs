using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>What the program says of itself, and of command lines that make no sense: one clear line and an exit code.</summary>
public sealed class CommandLineTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    string Expand(string argument) => argument.Replace("{dir}", _directory.Path, StringComparison.Ordinal);

    [Fact]
    public void Help_explains_commands_and_options()
    {
        var (code, output, _) = Daemon.Run("--help");
        Assert.Equal(0, code);
        foreach (var word in new[] { "serve", "virtiofs", "mount", "umount", "image", "oci:PATH" })
            Assert.Contains(word, output, StringComparison.Ordinal);

        (code, output, _) = Daemon.Run("serve", "--help");
        Assert.Equal(0, code);
        foreach (var option in new[] { "--socket-path", "--fd", "--socket-group", "--relisten", "--tag", "--readonly", "--cache", "--xattr", "--posix-acl", "--security-label", "--writeback", "--store", "--mount" })
            Assert.Contains(option, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "serve {dir}", "--socket-path")]
    [InlineData(2, "serve --socket-path {dir}/s --fd 3 {dir}", "exactly one")]
    [InlineData(2, "serve --socket-path {dir}/s", "SOURCE")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --mount /a={dir}", "SOURCE")]
    [InlineData(1, "serve --socket-path {dir}/s {dir}/absent", "no such directory")]
    [InlineData(1, "serve --socket-path {dir}/s --mount /a=/proc/self/status", "is a file")]
    [InlineData(2, "serve --bogus", "no option '--bogus'")]
    [InlineData(2, "virtiofs --apisock {dir}/a", "--sock")]
    [InlineData(2, "virtiofs --sock {dir}/s", "--apisock")]
    [InlineData(2, "virtiofs --sock {dir}/s --apisock {dir}/a --bootstrap {dir}/b", "--bootstrap: an image in RAFS")]
    [InlineData(2, "virtiofs --sock {dir}/s --apisock {dir}/a --upgrade", "--upgrade: ")]
    [InlineData(2, "virtiofs --sock {dir}/s --apisock {dir}/a -L {dir}/log", "--log-file: ")]
    [InlineData(2, "virtiofs --sock {dir}/s --apisock {dir}/a -o xattr", "-o xattr")]
    [InlineData(2, "virtiofs --sock {dir}/s --apisock {dir}/a --shared-dir {dir} --virtual-mountpoint /a/../b", "--virtual-mountpoint /a/../b")]
    [InlineData(1, "virtiofs --sock {dir}/s --apisock {dir}/absent/a", "absent")]
    [InlineData(1, "virtiofs --sock {dir}/s --apisock {dir}/a --shared-dir {dir}/absent", "no such directory")]
    [InlineData(2, "serve --socket-path {dir}/s --readonyl {dir}", "no option '--readonyl'")]
    [InlineData(2, "mount --bogus {dir}", "no option '--bogus'")]
    [InlineData(2, "image ls", "virtiofs-store image ls --help")]
    [InlineData(2, "serve --fd abc {dir}", "--fd takes a number from 3 to")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --cache sometimes", "sometimes")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --request-queues 0", "--request-queues")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --request-queues 65", "--request-queues")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --socket-mode 9", "--socket-mode")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --io-timeout soon", "--io-timeout")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --tag aaaaaaaaaabbbbbbbbbbccccccccccddddddd", "--tag")]
    [InlineData(2, "serve --socket-path {dir}/s --mount nopath", "--mount")]
    [InlineData(2, "serve --socket-path {dir}/s --mount /a/../b={dir}", "--mount")]
    [InlineData(2, "serve --socket-path {dir}/s --mount /a={dir} --mount /a={dir}", "--mount")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --unknown-option", "--unknown-option")]
    [InlineData(1, "serve --socket-path {dir}/absent/s {dir}", "there is no directory {dir}/absent")]
    [InlineData(1, "serve --socket-path {dir}/absent/s --store {dir}/store oci:{dir}/noimage", "there is no directory {dir}/absent")]
    [InlineData(2, "serve --stats=maybe {dir}", "--stats takes no value, got 'maybe'")]
    [InlineData(2, "image psh a b", "there is no command 'psh'; there are: ls,")]
    [InlineData(1, "image ls --docker-config {dir}/absent oci:{dir}", "--docker-config {dir}/absent: there is no such file")]
    [InlineData(1, "image ls --docker-config {dir} oci:{dir}", "it is a directory")]
    [InlineData(1, "image ls --registry-hosts {dir}/absent oci:{dir}", "--registry-hosts {dir}/absent: there is no such directory")]
    [InlineData(1, "image ls --registry-hosts /proc/self/status oci:{dir}", "it is a file")]
    [InlineData(1, "image check --tmpdir {dir}/absent oci:{dir}", "there is no such directory")]
    [InlineData(2, "image index --push --tag bad/tag oci:{dir}", "--tag takes a tag, got 'bad/tag'")]
    [InlineData(1, "cache stat --store {dir}/absent", "there is no store at {dir}/absent")]
    [InlineData(1, "cache gc --keep 1G --store {dir}/absent", "there is no store at {dir}/absent")]
    [InlineData(1, "cache verify --store {dir}/absent", "there is no store at {dir}/absent")]
    [InlineData(1, "serve --socket-path {dir}/s --socket-group nosuchgroup {dir}", "nosuchgroup")]
    [InlineData(1, "serve --socket-path {dir}/s --store {dir}/store oci:{dir}/absent", "absent")]
    [InlineData(1, "serve --fd 99 {dir}", "99")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --posix-acl=sometimes", "sometimes")]
    [InlineData(1, "serve --socket-path {dir}/s --posix-acl {dir}/absent", "no such directory")]
    [InlineData(1, "serve --socket-path {dir}/s --posix-acl=always /proc/self", "has no ACLs")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --security-label=maybe", "maybe")]
    [InlineData(1, "serve --socket-path {dir}/s --security-label {dir}/absent", "no such directory")]
    [InlineData(1, "serve --socket-path {dir}/s --security-label=always /proc/self", "no security labels")]
    [InlineData(2, "frobnicate", "frobnicate")]
    [InlineData(2, "serve --fd 3 --socket-group wheel {dir}", "--socket-group")]
    [InlineData(2, "serve --socket-path {dir}/s {dir} --announce-submounts --no-announce-submounts", "contradict")]
    [InlineData(2, "--fd 3", "--shared-dir")]
    [InlineData(2, "--shared-dir {dir}", "--socket-path")]
    [InlineData(2, "--shared-dir {dir} --fd 3 --socket-path {dir}/s", "exactly one")]
    [InlineData(1, "--shared-dir {dir}/absent --socket-path {dir}/s", "no such directory")]
    [InlineData(1, "--shared-dir {dir} --socket-path {dir}/absent/s", "absent/s.pid")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --bogus", "no option '--bogus'")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s -x", "no option '-x'")]
    [InlineData(2, "--shared-dir {dir} --socket-path", "--socket-path")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s word", "word")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --cache none", "'none'")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s -o", "-o")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s -o timeout=5", "-o timeout=5")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s -o xattr,,flock", "-o")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s -o cache=sometimes", "sometimes")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --sandbox jail", "jail")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --seccomp maybe", "maybe")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --modcaps=mknod", "--modcaps")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --modcaps=-fly", "'fly'")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --rlimit-nofile=many", "many")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --rlimit-nofile=100", "from 512")]
    [InlineData(1, "--shared-dir {dir} --socket-path {dir}/s --rlimit-nofile=18446744073709551615", "fs.nr_open")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --uid-map 0:1:2", "--uid-map")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --sandbox none --uid-map :0:1:2:", "--sandbox=none")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --sandbox none --modcaps=+sys_admin:-mknod", "take -mknod from the caller")]
    [InlineData(2, "serve --socket-path {dir}/s --translate-uid map:0:1:2 oci:{dir}", "--translate-uid is about directories")]
    [InlineData(2, "serve --socket-path {dir}/s --translate-gid map:0:1:2 oci:{dir}", "--translate-gid is about directories")]
    [InlineData(2, "serve --socket-path {dir}/s --xattrmap :map::user.vm.: oci:{dir}", "--xattrmap is about directories")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --translate-uid map:0:1", "--translate-uid")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --translate-gid map:0:1:2 --posix-acl=auto", "--posix-acl")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --xattrmap :ok:some:::", "'some'")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --thread-pool-size=-1", "--thread-pool-size")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --migration-mode=file-handles", "migration")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --migration-on-error guest-error", "migration")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --migration-verify-handles", "migration")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --migration-confirm-paths", "migration")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --inode-file-handles=often", "often")]
    [InlineData(2, "--shared-dir {dir} --socket-path {dir}/s --log-level loud", "loud")]
    public void A_command_line_that_makes_no_sense_is_refused_in_one_clear_line(int expected, string arguments, string mentions)
    {
        var (code, _, error) = Daemon.Run([.. arguments.Split(' ').Select(Expand)]);

        Assert.Equal(expected, code);
        Assert.Contains(Expand(mentions), error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("(Parameter", error, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", error, StringComparison.Ordinal);
        Assert.False(File.Exists(_directory["s"]));
        Assert.False(Directory.Exists(_directory["absent"]));
    }

    [Theory]
    [InlineData("serve --socket-path s --pull sometimes oci:a")]
    [InlineData("image psh a b")]
    public void What_is_wrong_is_said_once(string arguments)
    {
        var (_, _, error) = Daemon.Run(arguments.Split(' '));
        Assert.Equal(2, error.TrimEnd('\n').Split('\n').Length);
        Assert.Contains("--help", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tag_cannot_write_to_the_terminal_or_forge_a_line()
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["f"] = "x"u8.ToArray() });
        var index = Path.Combine(_directory["image"], "index.json");
        File.WriteAllText(index, File.ReadAllText(index).Replace("\"latest\"", "\"\\u001b[31mred\\nlatest\"", StringComparison.Ordinal));

        var (code, output, _) = Daemon.Run("image", "ls", $"oci:{_directory["image"]}");

        Assert.Equal(0, code);
        Assert.DoesNotContain('\u001b', output);
        Assert.Equal(2, output.TrimEnd('\n').Split('\n').Length);
        Assert.Contains("red", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_keeps_the_indexes_of_an_image_is_listed_as_that_and_goes_with_the_image()
    {
        TinyImage.Create(_directory["image"], new Dictionary<string, byte[]> { ["f"] = "x"u8.ToArray() });
        var image = $"oci:{_directory["image"]}";
        Assert.Equal(0, Daemon.Run("image", "index", "--push", "--store", _directory["store"], image).ExitCode);

        var rows = Daemon.Run("image", "ls", image).Output.TrimEnd('\n').Split('\n');
        var derived = Assert.Single(rows, row => row.StartsWith("latest-indexed ", StringComparison.Ordinal)).Split(' ')[^1];
        var artifact = Assert.Single(rows, row => row.Contains(".layer-index ", StringComparison.Ordinal));
        Assert.EndsWith($"(layer indexes of {derived})", artifact, StringComparison.Ordinal);

        var (code, output, _) = Daemon.Run("image", "rm", $"{image}:latest-indexed");
        Assert.Equal((0, $"{image}:latest-indexed removed\n"), (code, output));
        Assert.Equal(2, Daemon.Run("image", "ls", image).Output.TrimEnd('\n').Split('\n').Length);
    }

    [Theory]
    [InlineData("virtiofs-store se", "serve")]
    [InlineData("virtiofs-store image pu", "push")]
    public void A_line_is_completed(string line, string expected)
    {
        var (code, output, error) = Daemon.Run($"[suggest:{line.Length}]", line);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains(expected, output.Split('\n'));
    }
}
