namespace VirtioFsStore.Backends.Local;

/// <summary>For how long a guest may rely on what it was told; the four modes of virtiofsd's <c>--cache</c>.</summary>
public enum CacheMode
{
    /// <summary>Nothing is kept: timeouts of 0, and file data past the guest's page cache.</summary>
    Never,

    /// <summary>Names and attributes for a day, file data never.</summary>
    Metadata,

    /// <summary>Names and attributes for a second, file data from open to open as long as it did not change.</summary>
    Auto,

    /// <summary>Names, attributes and data for a day: only where nothing but this guest changes the share.</summary>
    Always,
}
