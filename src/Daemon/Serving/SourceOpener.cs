using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Local;
using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Backends.Overlay.Store;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Daemon.Images;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Turns a SOURCE of the command line into a file system.</summary>
sealed class SourceOpener(SourceSettings settings, ILogger logger)
{
    // All directories of one process share its descriptors.
    readonly DescriptorBudget _descriptors = DescriptorBudget.FromResourceLimit();

    /// <param name="source">A path, or an image.</param>
    /// <param name="stop">Ends the indexing of an image.</param>
    /// <param name="allowFile">A regular file will do: a guest can mount it, as the root of its file system, on a file.</param>
    public IFileSystem Open(string source, CancellationToken stop, bool allowFile = false)
    {
        if (!allowFile || !File.Exists(source))
            Check(source);
        return ImageReference.IsImage(source) ? OpenImage(source, stop) : OpenDirectory(source);
    }

    /// <summary>Finds out, without work, that a source cannot be: before others are opened, which may take minutes.</summary>
    /// <exception cref="DirectoryNotFoundException">It is neither a directory nor an image.</exception>
    public static void Check(string source)
    {
        if (ImageReference.IsImage(source) || Directory.Exists(source))
            return;
        throw new DirectoryNotFoundException(File.Exists(source)
            ? $"cannot serve '{source}': it is a file, not a directory (and not oci:PATH[:TAG|@DIGEST])"
            : $"cannot serve '{source}': there is no such directory, and it is not oci:PATH[:TAG|@DIGEST]");
    }

    ImageFileSystem OpenImage(string source, CancellationToken stop)
    {
        var provider = new ImageProvider(new LocalKeeper(Stores.Open(settings.Store)));
        var opened = provider.OpenAsync(ImageReference.Parse(source), settings.Platform, new LayerProgressLog(logger), stop).GetAwaiter().GetResult();
        var indexed = opened.Layers.Where(layer => layer.Indexed).ToArray();
        foreach (var layer in indexed)
            Log.LayerIndexed(logger, layer.Layer.ToString(), layer.Size, layer.Elapsed.TotalSeconds);
        // Serving allocates next to nothing, so that nothing else would ever give back what indexing took.
        if (indexed.Length > 0)
            ProcessMemory.GiveBack();
        return opened.FileSystem;
    }

    LocalFileSystem OpenDirectory(string path)
    {
        var fileSystem = LocalFileSystem.Open(LocalOptions(path));
        try
        {
            Insist(settings.PosixAcl, FileSystemTraits.PosixAcls, $"cannot serve '{path}' with --posix-acl=always: its file system has no ACLs, or is mounted without them; --posix-acl=auto serves it without");
            Insist(settings.SecurityLabels, FileSystemTraits.SecurityLabels, $"cannot serve '{path}' with --security-label=always: its file system keeps no security labels; --security-label=auto serves it without");
            return fileSystem;
        }
        catch
        {
            fileSystem.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }

        void Insist(FeatureMode mode, FileSystemTraits trait, string otherwise)
        {
            if (mode == FeatureMode.Always && (fileSystem.Traits & trait) == 0)
                throw new IOException(otherwise);
        }
    }

    LocalOptions LocalOptions(string path) => new()
    {
        Path = path,
        Cache = settings.Cache switch
        {
            "never" => CacheMode.Never,
            "metadata" => CacheMode.Metadata,
            "always" => CacheMode.Always,
            _ => CacheMode.Auto,
        },
        ReadOnly = settings.ReadOnly,
        Xattr = settings.Xattr || settings.XattrMap is not null || settings.PosixAcl != FeatureMode.Never || settings.SecurityLabels != FeatureMode.Never,
        XattrMap = settings.XattrMap is { } rules ? XattrMap.Parse(rules) : null,
        Users = settings.TranslateUid.Count > 0 ? IdTranslation.Parse(settings.TranslateUid) : null,
        Groups = settings.TranslateGid.Count > 0 ? IdTranslation.Parse(settings.TranslateGid) : null,
        AnnounceSubmounts = settings.AnnounceSubmounts,
        AllowDirectIo = settings.AllowDirectIo,
        PreserveNoAtime = settings.PreserveNoatime,
        Writeback = settings.Writeback,
        KillPrivileges = settings.KillPrivileges,
        PosixLocks = settings.PosixLocks,
        Flock = settings.Flock,
        Descriptors = _descriptors,
        FileHandles = settings.InodeFileHandles switch
        {
            "never" => FileHandleMode.Never,
            "mandatory" => FileHandleMode.Mandatory,
            _ => FileHandleMode.Prefer,
        },
    };
}
