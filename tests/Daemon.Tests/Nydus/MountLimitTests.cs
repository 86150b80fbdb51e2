using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Api;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Daemon.Tests.Nydus;

/// <summary>A table of mounts that is full.</summary>
public sealed class MountLimitTests
{
    [Fact]
    public async Task A_full_table_is_said_to_be_full_and_has_room_again()
    {
        using var directory = new TemporaryDirectory();
        await using var router = Router.Pseudo(limit: 2);
        using var mounts = new RouterMountControl(router, new SourceOpener(new SourceSettings(), NullLogger.Instance), new ServedImages(), NullLogger.Instance);
        var path = directory["api.sock"];
        var endpoints = new ApiEndpoints(new ApiSettings(path, null, null), mounts, new SourceSettings(), new LogLevelSwitch(LogLevel.None), () => { });
        using var server = ApiServer.Start(path, endpoints, NullLogger.Instance, CancellationToken.None);
        var api = new ApiClient(path);
        Assert.Equal(204, api.Mount("/one", "passthrough_fs", directory.Path).Status);
        Assert.Equal(204, api.Mount("/two", "passthrough_fs", directory.Path).Status);

        var refused = api.Mount("/three", "passthrough_fs", directory.Path);

        Assert.Equal(500, refused.Status);
        Assert.Contains("there are 2 mounts", refused.Message, StringComparison.Ordinal);
        Assert.Equal(204, api.Unmount("/one").Status);
        Assert.Equal(204, api.Mount("/three", "passthrough_fs", directory.Path).Status);
        Assert.Equal(["/three", "/two"], mounts.List().Select(info => info.Path));
    }

    [Fact]
    public async Task A_directory_does_not_wait_for_images_that_are_being_opened()
    {
        using var mounts = new SlowImageMountControl();
        var images = Enumerable.Range(0, 5)
            .Select(number => mounts.MountAsync($"/image{number}", new MountRequest(SourceKind.Image, "oci:image", new SourceSettings()), CancellationToken.None).AsTask())
            .ToArray();

        await mounts.MountAsync("/directory", new MountRequest(SourceKind.Local, "/", new SourceSettings()), CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal((4, "/directory"), (mounts.ImagesBegun, Assert.Single(mounts.List()).Path));
        mounts.OpenImages();
        await Task.WhenAll(images);
        Assert.Equal(6, mounts.List().Count);
    }
}
