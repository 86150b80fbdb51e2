using VirtioFsStore.Daemon.Api;
using VirtioFsStore.Daemon.Serving;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>The <c>config</c> of a mount.</summary>
public sealed class MountConfigurationTests
{
    /// <summary>As nydus' snapshotter writes it (its configuration of version 1).</summary>
    const string OfASnapshotter = """
        {"device":{"backend":{"type":"registry","config":{"host":"example.org","repo":"library/web","auth":"c2VjcmV0"}},
        "cache":{"type":"blobcache","config":{"work_dir":"/var/lib/nydus/cache"}}},"mode":"direct","digest_validate":false,
        "iostats_files":false,"enable_xattr":true,"access_pattern":false,"fs_prefetch":{"enable":true,"threads_count":4}}
        """;

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData(OfASnapshotter)]
    [InlineData("""{"version":2,"id":"x","backend":{"type":"localfs"},"cache":{"type":"filecache"},"rafs":{"mode":"direct"}}""")]
    public void What_concerns_nydusd_alone_changes_nothing_for_an_image(string config)
    {
        var defaults = new SourceSettings { Store = "/store" };

        Assert.Equal(defaults, MountConfiguration.Read(SourceKind.Image, config, defaults));
    }

    [Fact]
    public void An_image_s_store_and_platform_are_taken()
    {
        var settings = MountConfiguration.Read(SourceKind.Image, """{"store":"/srv/store","platform":"linux/arm64","readonly":true}""", new SourceSettings());

        Assert.Equal(("/srv/store", "linux/arm64"), (settings.Store, settings.Platform.ToString()));
    }

    [Fact]
    public void A_directory_s_settings_are_taken()
    {
        var settings = MountConfiguration.Read(SourceKind.Local, """{"readonly":true,"cache":"never","xattr":false}""", new SourceSettings { Xattr = true });

        Assert.Equal((true, "never", false), (settings.ReadOnly, settings.Cache, settings.Xattr));
    }

    [Theory]
    [InlineData("?mountpoint=/rafs/a+b/lowerdir", "/rafs/a+b/lowerdir")]
    [InlineData("?mountpoint=%2Frafs%2Fa%2Bb%2Flowerdir", "/rafs/a+b/lowerdir")]
    [InlineData("?x=1&mountpoint=%2f%C3%A4&mountpoint=/other", "/ä")]
    [InlineData("?mountpoint=", "")]
    [InlineData("?mountpoints=/a", null)]
    [InlineData("", null)]
    public void A_query_is_taken_escaped_or_not(string query, string? expected) =>
        Assert.Equal(expected, ApiQuery.Find(query, "mountpoint"));
}
