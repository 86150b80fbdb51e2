using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Backends.Overlay.Transfer;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>
/// <c>virtiofs-store image check</c>: compares what is served of an image with references that other programs unpack: GNU tar, layer
/// by layer, and umoci where it is installed. Needs root, since references have devices and owners.
/// </summary>
/// <param name="keeper">Owns the store from which the image is served.</param>
/// <param name="options">Where and with what.</param>
/// <param name="output">Gets a line for each difference, and what was compared.</param>
public sealed class ImageCheck(LocalKeeper keeper, ImageCheckOptions options, TextWriter output)
{
    /// <summary>What umoci is known to do otherwise.</summary>
    internal static ComparisonRules UmociRules { get; } = new()
    {
        WholeSeconds = true,
        ImpliedDirectoriesAreNew = true,
        Explanation = "umoci cuts times to seconds and gives directories that no layer describes the time of the unpacking: neither is compared",
    };

    /// <summary>Answers the number of differences, contradictions and complaints: 0 is a clean image.</summary>
    /// <param name="request">The image.</param>
    /// <param name="progress">Of the indexing.</param>
    /// <param name="cancellation">Ends the check; what was unpacked is removed.</param>
    /// <exception cref="ImageException">The image cannot be opened, or no reference can be made.</exception>
    public async Task<int> RunAsync(
        ImageRequest request, IProgress<LayerProgress>? progress, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new ImageException("image check unpacks device nodes and files of all owners to compare with: run it as root");
        var opened = await new ImageProvider(keeper).OpenAsync(request, progress, cancellation).ConfigureAwait(false);
        await using var fileSystemEnds = opened.FileSystem.ConfigureAwait(false);
        var source = keeper.OpenSource(request);
        await using var sourceEnds = source.ConfigureAwait(false);
        var count = await AgainstTarAsync(opened, source, cancellation).ConfigureAwait(false);
        return count + await AgainstUmociAsync(opened, request.Platform, source, cancellation).ConfigureAwait(false);
    }

    async Task<int> AgainstTarAsync(OpenedImage opened, IImageSource source, CancellationToken cancellation)
    {
        using var work = new WorkFolder(options.TemporaryFolder);
        var complaints = new List<string>();
        using var folder = await ReferenceUnpacker.UnpackAsync(work.Path, opened.Image, source, complaints.Add, cancellation).ConfigureAwait(false);
        foreach (var complaint in complaints)
            await output.WriteLineAsync(complaint).ConfigureAwait(false);
        return complaints.Count + await CompareAsync(opened, folder, "GNU tar", new ComparisonRules(), cancellation).ConfigureAwait(false);
    }

    async Task<int> AgainstUmociAsync(OpenedImage opened, Platform platform, IImageSource source, CancellationToken cancellation)
    {
        if (options.Umoci is null)
            return 0;
        using var work = new WorkFolder(options.TemporaryFolder);
        var bundle = Path.Combine(work.Path, "bundle");
        var outcome = await ExternalTool.TryRunAsync(
            options.Umoci, ["unpack", "--image", await LayoutOfAsync(work.Path, opened.Image, platform, source, cancellation).ConfigureAwait(false), bundle], work.Path, cancellation).ConfigureAwait(false);
        if (outcome is null)
        {
            await output.WriteLineAsync("umoci: not installed, not compared with").ConfigureAwait(false);
            return 0;
        }

        if (outcome.ExitCode != 0)
        {
            await output.WriteLineAsync($"umoci: cannot unpack this image, not compared with: {outcome.Errors.Trim().ReplaceLineEndings("; ")}").ConfigureAwait(false);
            return 0;
        }

        using var folder = new HostFolder(Path.Combine(bundle, "rootfs"));
        return await CompareAsync(opened, folder, "umoci", UmociRules, cancellation).ConfigureAwait(false);
    }

    /// <summary>umoci takes images of layouts alone, and by their tags: any other is copied into one.</summary>
    /// <returns>PATH:TAG.</returns>
    static async Task<string> LayoutOfAsync(string work, ResolvedImage image, Platform platform, IImageSource source, CancellationToken cancellation)
    {
        var reference = image.Reference;
        if (reference is { IsRemote: false, Tag: { } tag, Digest: null }) return $"{Path.GetFullPath(reference.Path)}:{tag}";
        const string copied = "checked";
        var path = Path.Combine(work, "layout");
        var layout = new LayoutImageTarget(new DirectoryFolder(path));
        await using var layoutEnds = layout.ConfigureAwait(false);
        await new ImagePush(source, layout, null).RunAsync(
            reference with { Tag = null, Digest = image.Manifest.Digest }, platform, new ImageReference(ImageScheme.Layout, path, copied, null), cancellation).ConfigureAwait(false);
        return $"{path}:{copied}";
    }

    async Task<int> CompareAsync(OpenedImage opened, HostFolder folder, string name, ComparisonRules rules, CancellationToken cancellation)
    {
        using var served = new ServedTree(opened.FileSystem);
        var comparison = new TreeComparison(served, new HostTree(folder, name), rules, output.WriteLine);
        try
        {
            await comparison.RunAsync(cancellation).ConfigureAwait(false);
        }
        catch (SystemCallException e)
        {
            throw new ImageException($"the comparison with {name} cannot go on: {e.Message}", e);
        }

        foreach (var contradiction in served.Contradictions)
            await output.WriteLineAsync(contradiction).ConfigureAwait(false);
        var differences = comparison.Differences + served.Contradictions.Count;
        if (rules.Explanation is not null)
            await output.WriteLineAsync(rules.Explanation).ConfigureAwait(false);
        await output.WriteLineAsync(
            $"{name}: {comparison.Paths} paths, {comparison.Bytes} bytes compared, {(differences == 0 ? "no" : differences)} difference{(differences == 1 ? "" : "s")}").ConfigureAwait(false);
        return differences;
    }
}
