using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.RuntimeDependencies;
using Amazon.S3;
using Amazon.SecurityToken;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>From options, environment and profile to the service that is meant, in the order of AWS's own tools.</summary>
static class S3Places
{
    /// <summary>What AWS's tools sign with where nobody names a region; services that are not AWS's mostly do not care.</summary>
    const string DefaultRegion = "us-east-1";

    /// <summary>A part of an upload on a slow line. What is read is bounded elsewhere, by its progress.</summary>
    static readonly TimeSpan s_requestLimit = TimeSpan.FromMinutes(5);

    // The SDK would look for it by reflection, which a trimmed program does not have: roles and web identities need it.
    static S3Places() =>
        GlobalRuntimeDependencyRegistry.Instance.RegisterSecurityTokenServiceClient(context => new AmazonSecurityTokenServiceClient(
            new AnonymousAWSCredentials(),
            new AmazonSecurityTokenServiceConfig { RegionEndpoint = context.SecurityTokenServiceClientContextData?.Region ?? RegionEndpoint.GetBySystemName(DefaultRegion) }));

    /// <param name="options">Of which each that is null comes from the environment or the profile.</param>
    /// <param name="clients">Makes the connections.</param>
    /// <exception cref="SourceException">The profile that is named does not exist, or a URL is none.</exception>
    public static AmazonS3Config Resolve(S3Options options, HttpClientFactory clients)
    {
        var profile = FindProfile(options);
        var endpoint = options.Endpoint ?? Variable("AWS_ENDPOINT_URL_S3") ?? Variable("AWS_ENDPOINT_URL") ?? profile?.EndpointUrl;
        if (endpoint is not null && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)))
            throw new SourceException($"the S3 endpoint '{endpoint}' is not an http or https URL");
        var region = options.Region ?? Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION") ?? profile?.Region?.SystemName ?? DefaultRegion;
        var config = new AmazonS3Config
        {
            ForcePathStyle = options.PathStyle ?? endpoint is not null,
            // Who asks tries again, within limits of the host's and with the time that a guest has.
            MaxErrorRetry = 0,
            MaxStaleConnectionRetries = 0,
            Timeout = s_requestLimit,
            HttpClientFactory = clients,
            // Digests are checked by who reads; checksums beside them would be of whole objects, not of ranges.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (options.Profile is not null) config.Profile = new Profile(options.Profile);
        if (endpoint is null)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }
        else
        {
            config.ServiceURL = endpoint;
            config.AuthenticationRegion = region;
        }

        return config;
    }

    static CredentialProfile? FindProfile(S3Options options)
    {
        var name = options.Profile ?? Variable("AWS_PROFILE") ?? "default";
        if (new CredentialProfileStoreChain().TryGetProfile(name, out var profile)) return profile;
        return options.Profile is null && Variable("AWS_PROFILE") is null
            ? null
            : throw new SourceException($"there is no profile '{name}' in AWS's configuration (~/.aws/config and ~/.aws/credentials)");
    }

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
