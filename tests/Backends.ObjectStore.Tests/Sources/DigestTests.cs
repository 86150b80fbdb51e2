using VirtioFsStore.Backends.ObjectStore.Sources;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources;

public sealed class DigestTests
{
    const string Empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Fact]
    public void The_digest_of_nothing_is_the_known_one() => Assert.Equal(Empty, Digest.Sha256([]).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("sha256")]
    [InlineData("sha256:")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555")]
    [InlineData("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709")]
    [InlineData("sha256:../c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555")]
    [InlineData(" sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    public void What_cannot_be_verified_is_no_digest(string text)
    {
        Assert.Null(Digest.TryParse(text));
        Assert.Throws<FormatException>(() => Digest.Parse(text));
    }

    [Theory]
    [InlineData("sha256")]
    [InlineData("sha512")]
    public void A_hash_of_its_algorithm_matches_its_own_bytes_only(string algorithm)
    {
        var hash = algorithm == "sha256"
            ? System.Security.Cryptography.SHA256.HashData("abc"u8)
            : System.Security.Cryptography.SHA512.HashData("abc"u8);
        var digest = Digest.FromHash(algorithm, hash);
        using var running = digest.CreateHash();
        running.AppendData("abc"u8);
        Assert.True(digest.Matches(running, out _));
        running.AppendData("abd"u8);
        Assert.False(digest.Matches(running, out var actual));
        Assert.NotEqual(digest, actual);
    }
}
