namespace VirtioFsStore.Backends.ObjectStore.Sources;

/// <summary>Which S3 service is meant. What is null comes from the ordinary chain of AWS's tools (environment, profile, instance).</summary>
public sealed record S3Options
{
    /// <summary>An http or https URL; null for AWS itself, or $AWS_ENDPOINT_URL_S3 or $AWS_ENDPOINT_URL.</summary>
    public string? Endpoint { get; init; }

    public string? Region { get; init; }

    /// <summary>A profile of AWS's shared files.</summary>
    public string? Profile { get; init; }

    /// <summary>ENDPOINT/BUCKET/KEY instead of BUCKET.ENDPOINT/KEY; null: where an endpoint is given.</summary>
    public bool? PathStyle { get; init; }

    /// <summary>A folder of this host where it is noted what was sent of large objects, so that a push that broke off goes on; null notes nothing.</summary>
    public string? UploadNotes { get; init; }
}
