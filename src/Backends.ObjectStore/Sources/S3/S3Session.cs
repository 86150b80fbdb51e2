using Amazon.Runtime;
using Amazon.S3;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <param name="Client">Makes requests.</param>
/// <param name="Keys">What its credentials were when it was made.</param>
sealed record S3Session(AmazonS3Client Client, ImmutableCredentials Keys);
