namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>The kinds of places that images lie in.</summary>
public enum ImageScheme
{
    /// <summary><c>oci:PATH</c>: an OCI layout directory.</summary>
    Layout,

    /// <summary><c>docker://HOST/REPO</c>: a registry.</summary>
    Registry,

    /// <summary><c>s3://BUCKET/PREFIX</c>: an OCI layout as the objects of a bucket.</summary>
    Bucket,
}
