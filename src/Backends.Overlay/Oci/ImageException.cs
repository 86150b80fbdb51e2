namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>An image, a layer or a file of the store cannot be used. The message is one line for the person:
/// what is wrong, where, and what to do.</summary>
public sealed class ImageException : Exception
{
    public ImageException(string message)
        : base(message)
    {
    }

    public ImageException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
