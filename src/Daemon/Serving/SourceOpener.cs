using Microsoft.Extensions.Logging;
using VirtioFsStore.Backends.Local;
using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Backends.Overlay.Images;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Fuse;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Daemon.Images;
using VirtioFsStore.Daemon.Keeping;

namespace VirtioFsStore.Daemon.Serving;

/// <summary>Turns a SOURCE of the command line into a file system.</summary>
sealed class SourceOpener(SourceSettings settings, ILogger logger) : IDisposable
{
    /// <summary>See <see cref="Backends.Local.LocalOptions.Chrooted"/>.</summary>
    public bool Chrooted { get; init; }

    // By the store's path.
    readonly Dictionary<string, StoreKeeper> _keepers = new(StringComparer.Ordinal);

    // All directories of one process share its descriptors.
    readonly DescriptorBudget _descriptors = DescriptorBudget.FromResourceLimit();

    /// <summary>Both steps in one process.</summary>
    /// <inheritdoc cref="OpenFilesAsync"/>
    /// <param name="images">Gets it, if it is an image, as the root.</param>
    public IFileSystem Open(string source, ServedImages images, CancellationToken stop, bool allowFile = false)
    {
        using var opened = OpenFilesAsync(source, settings, stop, allowFile).GetAwaiter().GetResult();
        if (opened.Image is { } image)
            images.Add("/", source, image);
        return Attach(opened);
    }

    /// <summary>Opens all that serving a source needs, with the rights and in the namespaces of this process.</summary>
    /// <param name="source">A path, or an image.</param>
    /// <param name="how">How it is to be served.</param>
    /// <param name="stop">Ends the indexing of an image.</param>
    /// <param name="allowFile">A regular file will do, which is then the whole file system, as with virtiofsd.</param>
    public async Task<OpenedSource> OpenFilesAsync(string source, SourceSettings how, CancellationToken stop, bool allowFile = false)
    {
        if (!allowFile || !File.Exists(source))
            Check(source);
        return ImageReference.IsImage(source) ? await OpenImageAsync(source, how, stop).ConfigureAwait(false) : OpenDirectory(source, how);
    }

    /// <summary>Makes a file system of opened files, which it takes over; opens nothing more.</summary>
    public IFileSystem Attach(OpenedSource opened) => opened.Kind switch
    {
        SourceKind.Image => AttachImage(opened),
        _ => AttachDirectory(opened),
    };

    public void Dispose()
    {
        lock (_keepers)
        {
            foreach (var keeper in _keepers.Values)
                keeper.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Finds out, without work, that a source cannot be: before others are opened, which may take minutes.</summary>
    /// <exception cref="DirectoryNotFoundException">It is neither a directory nor an image.</exception>
    public static void Check(string source)
    {
        if (ImageReference.IsImage(source) || Directory.Exists(source))
            return;
        throw new DirectoryNotFoundException(File.Exists(source)
            ? $"cannot serve '{source}': it is a file, not a directory (and not an image: {ImageReference.Forms})"
            : $"cannot serve '{source}': there is no such directory, and it is not an image: {ImageReference.Forms}");
    }

    async Task<OpenedSource> OpenImageAsync(string source, SourceSettings how, CancellationToken stop)
    {
        var progress = new LayerProgressLog(logger);
        var image = await KeeperOf(how).OpenImageAsync(how.ToRequest(ImageReference.Parse(source)), progress, stop).ConfigureAwait(false);
        // Serving allocates next to nothing, so that nothing else would ever give back what indexing took.
        if (progress.AnyIndexed)
            ProcessMemory.GiveBack();
        return new OpenedSource(SourceKind.Image, source, how, [.. image.Files.Layers.Select(layer => layer.ToString())], image.Files.Descriptors) { Pieces = image };
    }

    static ImageFileSystem AttachImage(OpenedSource opened)
    {
        var layers = opened.Layers.Select(layer => LayerIdentity.TryParse(layer) ?? throw new ImageException($"'{layer}' is no layer"));
        var files = new ImageFiles(opened.Name, [.. layers], opened.Descriptors);
        var pieces = opened.TakePieces();
        try
        {
            return files.ToFileSystem(pieces, opened.Settings.DaxMinimum, opened.Settings.DaxShare);
        }
        catch
        {
            (pieces as IAsyncDisposable)?.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    StoreKeeper KeeperOf(SourceSettings how)
    {
        lock (_keepers)
        {
            var store = Stores.Open(how.Store);
            if (!_keepers.TryGetValue(store.Root, out var keeper))
                _keepers.Add(store.Root, keeper = new StoreKeeper(store, logger));
            return keeper;
        }
    }

    static OpenedSource OpenDirectory(string path, SourceSettings how)
    {
        var fd = SystemCallException.ThrowIfError(Descriptors.Open(path, OpenFlags.O_PATH), "open", path);
        return new OpenedSource(SourceKind.Local, path, how, [], [new FileDescriptor(fd)]);
    }

    LocalFileSystem AttachDirectory(OpenedSource opened)
    {
        var (path, settings) = (opened.Name, opened.Settings);
        var fileSystem = LocalFileSystem.Open(LocalOptions(path, settings) with { Chrooted = Chrooted, Root = new FileDescriptor(opened.Descriptors[0].Release()) });
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

    LocalOptions LocalOptions(string path, SourceSettings settings) => new()
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
        DaxMinimum = settings.DaxMinimum,
        DaxWritable = settings.DaxWritable,
        FileHandles = settings.InodeFileHandles switch
        {
            "never" => FileHandleMode.Never,
            "mandatory" => FileHandleMode.Mandatory,
            _ => FileHandleMode.Prefer,
        },
    };
}
