using System.Text.Json;
using VirtioFsStore.Driver.Vmm;
using VirtioFsStore.ImageMaker;

namespace VirtioFsStore.Package.Tests;

[Collection(PackageCollection.Name)]
public sealed class InstallationTests(InstalledPackage installed)
{
    [PackageFact]
    public void The_program_tells_the_version_of_the_package()
    {
        var version = installed.Root.Run("virtiofs-store", "--version");

        Assert.Contains(PublishedPackage.Version, version, StringComparison.Ordinal);
        Assert.Equal(PublishedPackage.Version, installed.Root.Run("dpkg-query", "-W", "-f", "${Version}", "virtiofs-store").Trim());
    }

    [PackageFact]
    public void A_directory_is_served_to_a_machine_outside()
    {
        var share = Directory.CreateDirectory(Path.Combine(installed.Root.Shared, "share")).FullName;
        File.WriteAllText(Path.Combine(share, "hello"), "from inside");
        using var daemon = installed.Root.Start("virtiofs-store", "--socket-path", "/mnt/vm.sock", "--shared-dir", "/mnt/share");
        using var machine = VirtualMachine.Mount(Path.Combine(installed.Root.Shared, "vm.sock"));

        Assert.Equal("from inside"u8, machine.Fuse.ReadFile("hello"));
    }

    [PackageFact]
    public void An_image_is_indexed_with_the_library_that_comes_along()
    {
        using var layout = new LayoutWriter();
        new MadeImage("latest", new TarWriter().File("hello", "from an image")).AddTo(layout);
        Command.Run("cp", "-r", layout.Path, Path.Combine(installed.Root.Shared, "image"));
        using var daemon = installed.Root.Start("virtiofs-store", "serve", "--store", "/mnt/store", "--socket-path", "/mnt/image.sock", "oci:/mnt/image:latest");
        using var machine = VirtualMachine.Mount(Path.Combine(installed.Root.Shared, "image.sock"));

        Assert.Equal("from an image"u8, machine.Fuse.ReadFile("hello"));
    }

    /// <summary>QEMU's docs/interop/vhost-user.json, "VhostUserBackend": description, type and binary, and tags at will.</summary>
    [PackageFact]
    public void Qemus_tools_find_a_description_of_the_program()
    {
        using var document = JsonDocument.Parse(installed.Root.Run("cat", "/usr/share/qemu/vhost-user/60-virtiofs-store.json"));

        var keys = document.RootElement.EnumerateObject().Select(property => property.Name).Where(name => name != "tags").Order();
        Assert.Equal(["binary", "description", "type"], keys);
        Assert.Equal("fs", document.RootElement.GetProperty("type").GetString());
        using var capabilities = JsonDocument.Parse(installed.Root.Run(document.RootElement.GetProperty("binary").GetString()!, "--print-capabilities"));
        Assert.Equal("fs", capabilities.RootElement.GetProperty("type").GetString());
    }

    [PackageFact]
    public void Bash_completes_commands_options_and_values()
    {
        string[] Complete(string line) => installed.Root.Run("bash", "-euc", """
            . /usr/share/bash-completion/completions/virtiofs-store
            COMP_LINE=$1 COMP_POINT=${#1}
            read -ra COMP_WORDS <<< "$1"
            if [[ $1 == *' ' ]]; then COMP_WORDS+=(''); fi
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _virtiofs_store
            printf '%s\n' "${COMPREPLY[@]}"
            """, "bash", line).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["serve"], Complete("virtiofs-store se"));
        Assert.Equal(["--socket-group", "--socket-mode", "--socket-path"], Complete("/usr/bin/virtiofs-store serve --socket-").Order(StringComparer.Ordinal));
        Assert.Equal(["always", "auto", "metadata", "never"], Complete("virtiofs-store serve --cache ").Order(StringComparer.Ordinal));
    }

    [PackageFact]
    public void Mount_finds_its_helper()
    {
        Assert.Contains("usage", installed.Root.Run("sh", "-c", "mount.virtiofs-store --help 2>&1 || true"), StringComparison.OrdinalIgnoreCase);
    }

    [PackageFact]
    public void Systemd_takes_the_units()
    {
        var messages = installed.Root.RunOutside("sh", root =>
            ["-c", """cp -rn /usr/lib/systemd/system "$1/usr/lib/systemd/"; systemd-analyze --root="$1" --man=no verify virtiofs-store-keeper.service virtiofs-store-keeper.socket virtiofs-store@srv-share.service virtiofs-store@srv-share.socket 2>&1""", "sh", root]);

        Assert.Empty(messages);
    }

    [PackageFact]
    public void What_is_installed_is_root_s_and_nobody_else_may_write_it()
    {
        var wrong = installed.Root.Run("sh", "-euc", """dpkg -L virtiofs-store | while read -r path; do find "$path" -maxdepth 0 ! -type l '(' ! -user 0 -o ! -group 0 -o -perm /022 ')'; done""");

        Assert.Empty(wrong);
    }

    [PackageFact]
    public void A_purged_package_leaves_nothing()
    {
        using var root = installed.Package.Install();
        root.Run("sh", "-euc", "mkdir -p /var/lib/virtiofs-store/trees-v1 /var/cache/virtiofs-store/uploads /var/log/virtiofs-store && touch /var/lib/virtiofs-store/trees-v1/tree");

        root.Run("dpkg", "--purge", "virtiofs-store");

        Assert.DoesNotContain(root.Changed(), path => !path.StartsWith("/var/lib/dpkg/", StringComparison.Ordinal) && path != "/var/log/dpkg.log");
        Assert.Empty(root.Run("find", "/usr", "/etc", "/var", "/run", "-name", "*virtiofs-store*"));
    }
}
