using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>What the SDK throws, as the failures that the rest of the program knows (S3's API reference, "Error responses").</summary>
static class S3Errors
{
    /// <summary>A server's text in a line for a person.</summary>
    const int MaxText = 300;

    static readonly HashSet<string> s_refused =
    [
        "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
    ];

    static readonly HashSet<string> s_busy = ["RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"];

    static readonly HashSet<string> s_transient = ["IncompleteBody", "InternalError", "RequestTimeout", "RequestTimeoutException"];

    /// <summary>Null for what is no failure of the service: the caller's own cancellation, a defect of this program.</summary>
    /// <param name="what">What was tried, on what.</param>
    /// <param name="exception">What came.</param>
    /// <param name="cancellation">The caller's.</param>
    public static SourceException? Describe(string what, Exception exception, CancellationToken cancellation) => exception switch
    {
        SourceException => null,
        OperationCanceledException => cancellation.IsCancellationRequested ? null : new SourceException(SourceFailure.Transient, $"{what}: no answer in time", exception),
        AmazonS3Exception answer => new SourceException(Classify(answer), $"{what}: {Explain(answer)}", answer, RetryAfter(answer)),
        // An answer that cannot be read: cut off, or not of an S3 service.
        AmazonServiceException answer => new SourceException(
            (int)answer.StatusCode is 0 or 200 or >= 500 ? SourceFailure.Transient : SourceFailure.Permanent, $"{what}: {Line(answer.Message)}", answer, RetryAfter(answer)),
        AmazonClientException => new SourceException(SourceFailure.Refused, $"{what}: {Line(exception.Message)}", exception),
        HttpRequestException or IOException => new SourceException(SourceFailure.Transient, $"{what}: {Line(Innermost(exception).Message)}", exception)
        {
            IsUnreachable = exception is HttpRequestException failure && HttpFailures.IsUnreachable(failure),
        },
        _ => null,
    };

    /// <summary>The SDK found none anywhere, or the way to them does not work.</summary>
    /// <param name="what">What was tried, on what.</param>
    /// <param name="profile">That was named; null where the SDK looked everywhere.</param>
    /// <param name="exception">What came.</param>
    public static SourceException NoCredentials(string what, string? profile, AmazonClientException exception)
    {
        var process = Environment.ProcessId;
        var why = profile is null
            ? $"process {process}, which asks, has no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment, nor the profile '{Environment.GetEnvironmentVariable("AWS_PROFILE") ?? "default"}' in ~/.aws/credentials or ~/.aws/config, nor a role of this machine; set one of them for that process, which is the store's keeper where a store is used"
            : $"the profile '{profile}' gives no credentials to process {process}, which asks: {Line(exception.Message)}";
        return new SourceException(SourceFailure.Refused, $"{what}: {why}", exception);
    }

    static SourceFailure Classify(AmazonS3Exception answer) => answer.ErrorCode switch
    {
        { } code when s_refused.Contains(code) => SourceFailure.Refused,
        { } code when s_busy.Contains(code) => SourceFailure.Busy,
        { } code when s_transient.Contains(code) => SourceFailure.Transient,
        // Of an upload, parts that were noted and are not there.
        "InvalidPart" or "InvalidPartOrder" => SourceFailure.Missing,
        _ => answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => SourceFailure.Refused,
            HttpStatusCode.NotFound => SourceFailure.Missing,
            HttpStatusCode.PreconditionFailed or HttpStatusCode.RequestedRangeNotSatisfiable => SourceFailure.Changed,
            HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable => SourceFailure.Busy,
            HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict or >= HttpStatusCode.InternalServerError and not HttpStatusCode.NotImplemented => SourceFailure.Transient,
            // An answer to HEAD has no body that could say more; of what it may be, an expired token is what happens in the middle of a run.
            HttpStatusCode.BadRequest when IsBare(answer) => SourceFailure.Refused,
            _ => SourceFailure.Permanent,
        },
    };

    static string Explain(AmazonS3Exception answer)
    {
        var status = (int)answer.StatusCode;
        if (answer.ErrorCode is "PermanentRedirect" or "AuthorizationHeaderMalformed" or "TemporaryRedirect" || answer.StatusCode is HttpStatusCode.MovedPermanently)
            return $"the bucket lies in another region ({status}{Said(answer)}); name it with --s3-region";
        return answer.StatusCode switch
        {
            HttpStatusCode.NotFound when answer.ErrorCode == "NoSuchBucket" => "there is no such bucket",
            // An answer to HEAD has no body that could say which.
            HttpStatusCode.NotFound when IsBare(answer) => "there is no such object, or no such bucket",
            HttpStatusCode.NotFound => "there is no such object",
            HttpStatusCode.PreconditionFailed => "it has been changed meanwhile",
            HttpStatusCode.RequestedRangeNotSatisfiable => "it is shorter than it was",
            HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized => $"the service refuses it ({status}{Said(answer)}); see that the credentials are right and may do this",
            _ => $"the service answers {status}{Said(answer)}",
        };
    }

    static string Said(AmazonS3Exception answer)
    {
        var text = answer.Message is { Length: > 0 } message && message != answer.ErrorCode ? $": {message}" : "";
        return IsBare(answer) ? "" : $", {Line(answer.ErrorCode + text)}";
    }

    static bool IsBare(AmazonS3Exception answer) => string.IsNullOrEmpty(answer.ErrorCode) || Enum.TryParse<HttpStatusCode>(answer.ErrorCode, out _);

    static TimeSpan? RetryAfter(AmazonServiceException answer)
    {
        if (answer.InnerException is not HttpErrorResponseException { Response: { } response } || !response.IsHeaderPresent("Retry-After")) return null;
        if (!RetryConditionHeaderValue.TryParse(response.GetHeaderValue("Retry-After"), out var value)) return null;
        var wait = value.Delta ?? value.Date - DateTimeOffset.UtcNow;
        return wait > TimeSpan.Zero ? wait : null;
    }

    static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner) exception = inner;
        return exception;
    }

    static string Line(string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim();
        return line.Length <= MaxText ? line : string.Create(CultureInfo.InvariantCulture, $"{line.AsSpan(0, MaxText)}…");
    }
}
