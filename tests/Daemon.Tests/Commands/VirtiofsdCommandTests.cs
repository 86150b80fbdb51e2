using System.CommandLine;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Daemon.Commands;
using VirtioFsStore.Daemon.Sandboxing;
using VirtioFsStore.Daemon.Serving;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Commands;

/// <summary>What virtiofsd's command line comes to.</summary>
public sealed class VirtiofsdCommandTests
{
    const string Needed = "--shared-dir /srv --fd 3 ";

    static ServeSettings Settings(string arguments) => Settings(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    static ServeSettings Settings(params string[] arguments)
    {
        var root = new RootCommand();
        VirtiofsdCommand.AddTo(root);
        var parsed = root.Parse(VirtiofsdArguments.Normalise(root, arguments), new ParserConfiguration { EnablePosixBundling = false });
        Assert.Empty(parsed.Errors);
        return VirtiofsdCommand.Settings(parsed);
    }

    [Fact]
    public void Defaults_are_virtiofsd_s()
    {
        var settings = Settings(Needed);

        Assert.Equal("/srv", settings.Root);
        Assert.Equal(3, settings.ListenFd);
        Assert.Null(settings.PidFile);
        Assert.False(settings.Relisten);
        Assert.False(settings.Syslog);
        Assert.Equal(LogLevel.Information, settings.LogLevel);
        var sources = settings.Sources;
        Assert.Equal(("auto", "prefer"), (sources.Cache, sources.InodeFileHandles));
        Assert.True(sources.AnnounceSubmounts);
        Assert.True(sources.ReadDirPlus);
        Assert.False(sources.Xattr || sources.ReadOnly || sources.Writeback || sources.KillPrivileges || sources.AllowMmap || sources.AllowDirectIo || sources.PreserveNoatime || sources.Flock || sources.PosixLocks);
        Assert.Equal((FeatureMode.Never, FeatureMode.Never), (sources.PosixAcl, sources.SecurityLabels));
        Assert.Equal((SandboxMode.Namespace, SeccompAction.Kill), (settings.Sandbox.Mode, settings.Sandbox.Seccomp));
        Assert.Null(settings.Sandbox.OpenFiles);
    }

    [Fact]
    public void A_socket_has_a_pid_file_beside_it()
    {
        Assert.Equal("/run/vm.sock.pid", Settings("--shared-dir=/srv --socket-path=/run/vm.sock").PidFile);
        Assert.Equal("/run/vm.sock", Settings("--shared-dir=/srv --socket /run/vm.sock").SocketPath);
    }

    [Fact]
    public void Every_switch_has_its_effect()
    {
        var settings = Settings(Needed + "--xattr --readonly --allow-mmap --writeback --allow-direct-io --killpriv-v2 --preserve-noatime --no-readdirplus --no-announce-submounts --syslog --tag root --cache always --inode-file-handles=mandatory --posix-acl=auto --security-label --log-level ERROR");
        var sources = settings.Sources;

        Assert.True(sources.Xattr && sources.ReadOnly && sources.AllowMmap && sources.Writeback && sources.AllowDirectIo && sources.KillPrivileges && sources.PreserveNoatime);
        Assert.False(sources.ReadDirPlus || sources.AnnounceSubmounts);
        Assert.True(settings.Syslog);
        Assert.Equal(("root", "always", "mandatory"), (settings.Tag, sources.Cache, sources.InodeFileHandles));
        Assert.Equal((FeatureMode.Auto, FeatureMode.Always), (sources.PosixAcl, sources.SecurityLabels));
        Assert.Equal(LogLevel.Error, settings.LogLevel);
    }

    [Theory]
    [InlineData("--cache=always --cache=never", "never")]
    [InlineData("--cache always --cache metadata --cache auto", "auto")]
    [InlineData("--cache=always -o cache=metadata", "metadata")]
    [InlineData("-o cache=metadata --cache=always", "metadata")]
    [InlineData("-o cache=metadata -o cache=none", "never")]
    [InlineData("-ocache=metadata", "metadata")]
    [InlineData("-o=cache=metadata", "metadata")]
    public void Of_an_option_given_twice_the_last_counts_and_a_list_after_all(string arguments, string cache) =>
        Assert.Equal(cache, Settings(Needed + arguments).Sources.Cache);

    [Theory]
    [InlineData("--announce-submounts --no-announce-submounts", false)]
    [InlineData("--no-announce-submounts --announce-submounts", true)]
    [InlineData("--no-announce-submounts -o announce_submounts", true)]
    public void Of_two_opposites_the_last_counts(string arguments, bool announce) =>
        Assert.Equal(announce, Settings(Needed + arguments).Sources.AnnounceSubmounts);

    [Fact]
    public void A_list_of_old_is_read()
    {
        var settings = Settings("--fd=4 -o source=/srv/a,xattr,no_xattr,writeback,allow_direct_io,killpriv_v2,posix_acl,security_label,flock,no_posix_lock,no_readdirplus,sandbox=chroot,modcaps=+sys_admin:-mknod,loglevel=err,xattrmap=:map::user.virtiofs.: -f");
        var sources = settings.Sources;

        Assert.Equal("/srv/a", settings.Root);
        Assert.True(sources.Writeback && sources.AllowDirectIo && sources.KillPrivileges && sources.Flock);
        Assert.False(sources.Xattr || sources.PosixLocks || sources.ReadDirPlus);
        Assert.Equal((FeatureMode.Always, FeatureMode.Always), (sources.PosixAcl, sources.SecurityLabels));
        Assert.Equal(":map::user.virtiofs.:", sources.XattrMap);
        Assert.Equal(SandboxMode.Chroot, settings.Sandbox.Mode);
        Assert.Equal(["SYS_ADMIN"], settings.Sandbox.AddedCapabilities);
        Assert.Equal(["MKNOD"], settings.Sandbox.DroppedCapabilities);
        Assert.Equal(LogLevel.Error, settings.LogLevel);
    }

    [Theory]
    [InlineData("-d", LogLevel.Debug)]
    [InlineData("-df --log-level=error", LogLevel.Debug)]
    [InlineData("-o loglevel=warn --log-level=error", LogLevel.Warning)]
    [InlineData("--log-level=off", LogLevel.None)]
    [InlineData("--log-level=TRACE", LogLevel.Trace)]
    public void Levels_of_the_log(string arguments, LogLevel level) => Assert.Equal(level, Settings(Needed + arguments).LogLevel);

    [Fact]
    public void Ids_of_namespaces_and_translations_are_carried()
    {
        var settings = Settings(Needed + "--uid-map :0:100000:65536: --uid-map /65536/0/1/ --gid-map=:0:1:2: --translate-uid map:0:1:2 --translate-uid=forbid-guest:9:1 --translate-gid=squash-host:0:0:10");

        Assert.Equal([new IdMapEntry(0, 100000, 65536), new IdMapEntry(65536, 0, 1)], settings.Sandbox.UserMap);
        Assert.Equal([new IdMapEntry(0, 1, 2)], settings.Sandbox.GroupMap);
        Assert.Equal(["map:0:1:2", "forbid-guest:9:1"], settings.Sources.TranslateUid);
        Assert.Equal(["squash-host:0:0:10"], settings.Sources.TranslateGid);
    }

    [Theory]
    [InlineData("--sandbox=none --seccomp=log", SandboxMode.None, SeccompAction.Log)]
    [InlineData("--sandbox chroot --seccomp trap", SandboxMode.Chroot, SeccompAction.Trap)]
    [InlineData("--sandbox namespace --seccomp none", SandboxMode.Namespace, SeccompAction.None)]
    public void How_far_the_server_is_separated(string arguments, object mode, object action)
    {
        var sandbox = Settings(Needed + arguments).Sandbox;

        Assert.Equal((mode, action), (sandbox.Mode, sandbox.Seccomp));
    }

    [Fact]
    public void Capabilities_named_twice_are_what_was_said_last()
    {
        var sandbox = Settings(Needed + "--modcaps=+sys_admin:-chown:-sys_admin --rlimit-nofile=0").Sandbox;

        Assert.Empty(sandbox.AddedCapabilities);
        Assert.Equal(["CHOWN", "SYS_ADMIN"], sandbox.DroppedCapabilities);
        Assert.Equal(0ul, sandbox.OpenFiles);
    }

    [Fact]
    public void Without_a_sandbox_capabilities_can_be_named_that_the_caller_has_anyway() =>
        Assert.Equal(SandboxMode.None, Settings(Needed + "--sandbox=none --modcaps=+sys_admin").Sandbox.Mode);

    [Fact]
    public void Two_dashes_at_the_end_change_nothing()
    {
        var settings = Settings(Needed + "--xattr --");

        Assert.Equal(("/srv", 3, true), (settings.Root, settings.ListenFd, settings.Sources.Xattr));
    }

    [Fact]
    public void Thread_pools_and_what_migration_has_by_default_are_taken() =>
        Assert.Equal("/srv", Settings(Needed + "--thread-pool-size=64 --migration-mode=find-paths --migration-on-error abort --no-killpriv-v2").Root);
}
