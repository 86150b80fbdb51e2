using VirtioFsStore.Backends.ObjectStore.Sources.Registry;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Registry;

public sealed class AuthChallengeTests
{
    static string Shown(string field) => string.Join(
        " ; ", AuthChallenge.Parse(field).Select(challenge => $"{challenge.Scheme} {string.Join(",", challenge.Parameters.Select(pair => $"{pair.Key}={pair.Value}"))}".TrimEnd()));

    [Theory]
    [InlineData("""Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push" """, "bearer realm=https://auth.example/token,service=registry.example,scope=repository:a/b:pull,push")]
    [InlineData("""Basic realm="a \"b\" \\ c" """, """basic realm=a "b" \ c""")]
    [InlineData("""Negotiate, Basic realm="x", Bearer realm = "y" , service=z""", "negotiate ; basic realm=x ; bearer realm=y,service=z")]
    [InlineData("""Negotiate YWJj==, Basic realm=x""", "negotiate ; basic realm=x")]
    [InlineData("""bearer Realm=https://a.example/t,Service=r""", "bearer realm=https://a.example/t,service=r")]
    [InlineData("""Bearer realm="one",realm="two" """, "bearer realm=one")]
    [InlineData(""", ,Basic""", "basic")]
    [InlineData("""Bearer realm="never ends""", "bearer")]
    [InlineData("""Bearer realm=""", "bearer")]
    [InlineData("""=""", "")]
    [InlineData("", "")]
    public void Challenges_are_read_as_the_standard_has_them(string field, string expected) => Assert.Equal(expected, Shown(field));

    [Fact]
    public void Random_fields_end_somewhere()
    {
        var random = new Random(7);
        const string Letters = "aB =,\"\\ \t;/:-";
        for (var i = 0; i < 20_000; i++)
            AuthChallenge.Parse(new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => Letters[random.Next(Letters.Length)])]));
        Assert.Empty(AuthChallenge.Parse("Basic " + new string('x', 10_000)));
    }
}
