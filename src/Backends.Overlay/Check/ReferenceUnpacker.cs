using VirtioFsStore.Backends.ObjectStore.Decompression;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Overlay.Check;

/// <summary>
/// Unpacks an image with GNU tar, layer by layer, as a second opinion: tar reads the archives and makes the files; only what it knows
/// nothing of is done here, from tar's own listing. That is: whiteouts, what a layer replaces by another type, attributes of
/// directories that are given again, and times of directories that are not.
/// </summary>
sealed class ReferenceUnpacker
{
    readonly string _path;
    readonly HostFolder _folder;
    readonly Action<string> _complain;

    ReferenceUnpacker(string path, HostFolder folder, Action<string> complain) => (_path, _folder, _complain) = (path, folder, complain);

    /// <param name="work">An empty folder; the image's root is made in it.</param>
    /// <param name="image">What is unpacked.</param>
    /// <param name="source">Has its layers, which are verified on their way into the folder; each stays there only while tar reads it.</param>
    /// <param name="complain">Gets what tar complains about.</param>
    /// <param name="cancellation">Ends tar.</param>
    /// <returns>The root.</returns>
    /// <exception cref="ImageException">tar is missing, a layer cannot be read, or it cannot be unpacked here without leaving the folder.</exception>
    public static async Task<HostFolder> UnpackAsync(string work, ResolvedImage image, IImageSource source, Action<string> complain, CancellationToken cancellation)
    {
        // As the root of an image that says nothing of it.
        var root = Path.Combine(work, "root");
        Directory.CreateDirectory(root, (UnixFileMode)0x1ed);
        File.SetUnixFileMode(root, (UnixFileMode)0x1ed);
        Directory.SetLastWriteTimeUtc(root, DateTime.UnixEpoch);
        var folder = new HostFolder(root);
        try
        {
            var unpacker = new ReferenceUnpacker(root, folder, complain);
            foreach (var layer in image.Layers)
            {
                var blob = await CopyAsync(work, layer.Blob, source, cancellation).ConfigureAwait(false);
                await unpacker.ApplyAsync(blob, layer.Compression, cancellation).ConfigureAwait(false);
                File.Delete(blob);
            }

            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    static async Task<string> CopyAsync(string work, Descriptor layer, IImageSource source, CancellationToken cancellation)
    {
        try
        {
            var blob = await source.OpenBlobAsync(layer, cancellation).ConfigureAwait(false);
            await using var blobEnds = blob.ConfigureAwait(false);
            var copy = new LayoutImageTarget(new DirectoryFolder(work));
            await using var copyEnds = copy.ConfigureAwait(false);
            await copy.PushBlobAsync(layer, blob, null, cancellation).ConfigureAwait(false);
        }
        catch (SourceException e)
        {
            throw new ImageException($"layer {layer.Digest} of {source.Name} cannot be read, so there is no reference to compare with: {e.Message}", e);
        }

        return Path.Combine(work, LayoutImageSource.KeyOf(layer.Digest));
    }

    async Task ApplyAsync(string blob, Compression compression, CancellationToken cancellation)
    {
        var members = await ListAsync(blob, compression, cancellation).ConfigureAwait(false);
        foreach (var member in members)
            if (member.Path.AsSpan().IndexOf(".."u8) >= 0 && PathText.Of(member.Path).Split('/').Contains(".."))
                throw new ImageException($"{Path.GetFileName(blob)}: GNU tar refuses {PathText.FromRoot(member.Path)}, so there is no reference to compare with");
        var times = RememberTimes(members);
        Hide(members);
        MakeWay(members);
        CheckParents(members, blob);
        // ACLs are xattrs in images; with --acls tar takes them from records of its own alone.
        var outcome = await ExternalTool.RunAsync(
            "/bin/sh",
            [
                "-c", "umask 022; exec tar \"$@\"", "tar", "--extract", .. Archive(blob, compression), "--directory", _path,
                "--preserve-permissions", "--same-owner", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--no-acls", "--delay-directory-restore",
                "--wildcards", "--no-anchored", "--exclude=.wh.*",
            ],
            _path,
            cancellation).ConfigureAwait(false);
        Complain(blob, outcome);
        RestoreTimes(members, times);
    }

    static IEnumerable<string> Archive(string blob, Compression compression) => compression switch
    {
        Compression.Gzip => ["--gzip", "--file", blob],
        Compression.Zstd => ["--zstd", "--file", blob],
        _ => ["--file", blob],
    };

    static bool IsWhiteout(in TarMember member) => member.Last.StartsWith(".wh."u8);

    /// <summary>AUFS metadata is no whiteout and no file.</summary>
    static bool IsMetadata(in TarMember member) => member.Last.StartsWith(".wh..wh."u8) && !member.Last.SequenceEqual(".wh..wh..opq"u8);

    async Task<List<TarMember>> ListAsync(string blob, Compression compression, CancellationToken cancellation)
    {
        string[] common = [.. Archive(blob, compression), "--quoting-style=escape", "--numeric-owner"];
        var names = await ExternalTool.RunAsync("tar", ["--list", .. common], _path, cancellation).ConfigureAwait(false);
        var details = await ExternalTool.RunAsync("tar", ["--list", "--verbose", .. common], _path, cancellation).ConfigureAwait(false);
        Complain(blob, names);
        return TarListing.Parse(names.Output, details.Output);
    }

    void Complain(string blob, ExternalTool.Outcome outcome)
    {
        // That names begin with a slash, or that a socket is passed over, is said on stderr with exit code 0.
        if (outcome.ExitCode != 0)
            _complain($"{Path.GetFileName(blob)}: tar ended with {outcome.ExitCode}: {outcome.Errors.Trim().ReplaceLineEndings("; ")}");
    }

    void Hide(List<TarMember> members)
    {
        foreach (var member in members)
        {
            if (!IsWhiteout(member) || IsMetadata(member))
                continue;
            if (member.Last.SequenceEqual(".wh..wh..opq"u8))
                _folder.RemoveChildren(member.Parent);
            else if (member.Parent.IsEmpty)
                _folder.Remove(member.Last[4..]);
            else
                _folder.Remove([.. member.Parent, (byte)'/', .. member.Last[4..]]);
        }
    }

    /// <summary>tar neither replaces a directory that has content, nor takes xattrs off one that is there.</summary>
    void MakeWay(List<TarMember> members)
    {
        foreach (var member in members)
        {
            if (IsWhiteout(member) || !_folder.TryStat(member.Path, out var status))
                continue;
            if (StatMode.IsDirectory(status.Mode) != member.IsDirectory)
            {
                _folder.Remove(member.Path);
            }
            else if (member.IsDirectory)
            {
                using var directory = _folder.TryOpenDirectory(member.Path);
                if (directory is not null)
                    HostFolder.ClearXattrs(directory.Value);
            }
        }
    }

    /// <summary>
    /// tar follows links of lower layers as the host's kernel does: an absolute one would lead it out of the folder. It is confined to that,
    /// and would fail; what can be seen before is told better.
    /// </summary>
    void CheckParents(List<TarMember> members, string blob)
    {
        var seen = new HashSet<string>();
        foreach (var member in members)
        {
            if (IsWhiteout(member) || !seen.Add(System.Text.Encoding.Latin1.GetString(member.Parent)))
                continue;
            // A parent that is made by this layer has its own existing parents looked at.
            for (var parent = member.Parent; !parent.IsEmpty; parent = parent[..Math.Max(parent.LastIndexOf((byte)'/'), 0)])
            {
                try
                {
                    using var directory = _folder.TryOpenDirectory(parent, OpenAt2.RESOLVE_BENEATH);
                    if (directory is not null)
                        break;
                }
                catch (SystemCallException e) when (e.Error is Errno.EXDEV or Errno.ELOOP)
                {
                    throw new ImageException(
                        $"{Path.GetFileName(blob)}: {PathText.FromRoot(member.Path)} is reached through a link that leads out of the folder, so GNU tar cannot unpack it safely; there is no reference to compare with");
                }
            }
        }
    }

    /// <summary>The times of all directories in which something changes, with their inodes.</summary>
    Dictionary<string, (ulong Inode, Timestamp Time)> RememberTimes(List<TarMember> members)
    {
        var times = new Dictionary<string, (ulong Inode, Timestamp Time)>();
        foreach (var member in members)
        {
            if (member.Path.Length == 0)
                continue;
            for (var parent = member.Parent; ; parent = parent[..Math.Max(parent.LastIndexOf((byte)'/'), 0)])
            {
                var key = System.Text.Encoding.Latin1.GetString(parent);
                if (times.ContainsKey(key))
                    break;
                using var directory = _folder.TryOpenDirectory(parent);
                var status = directory is null ? default : HostFolder.Stat(directory.Value);
                times[key] = (status.Ino, new Timestamp(status.ModifyTime.Seconds, status.ModifyTime.Nanoseconds));
                if (parent.IsEmpty)
                    break;
            }
        }

        return times;
    }

    /// <summary>A directory that the layer changes but does not describe keeps its time; one that it only implies has none.</summary>
    void RestoreTimes(List<TarMember> members, Dictionary<string, (ulong Inode, Timestamp Time)> times)
    {
        var described = members.Where(member => member.IsDirectory).Select(member => System.Text.Encoding.Latin1.GetString(member.Path)).ToHashSet();
        foreach (var (key, (inode, time)) in times)
        {
            if (described.Contains(key))
                continue;
            using var directory = _folder.TryOpenDirectory(System.Text.Encoding.Latin1.GetBytes(key));
            if (directory is not null)
                HostFolder.SetTime(directory.Value, HostFolder.Stat(directory.Value).Ino == inode ? time : default);
        }
    }
}
