using System.Net;
using VirtioFsStore.Backends.ObjectStore.Sources.Http;
using VirtioFsStore.FaultProxy;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Http;

public sealed class RemoteProxyTests
{
    [Fact]
    public async Task Other_machines_are_asked_by_the_proxy_and_this_one_is_not()
    {
        await using var proxy = FaultServer.Serve(_ => ProxyAnswer.Of(203));
        await using var local = FaultServer.Serve(_ => ProxyAnswer.Of(204));
        using var link = new HttpLink(HttpTrust.System, new WebProxy(proxy.Url, BypassOnLocal: false));
        Assert.Equal(HttpStatusCode.NonAuthoritativeInformation, await AskAsync(new Uri("http://registry.invalid/v2/")));
        Assert.Equal("http://registry.invalid/v2/", Assert.Single(proxy.Requests).Target);
        Assert.Equal(HttpStatusCode.NoContent, await AskAsync(local.Url));
        Assert.Single(proxy.Requests);

        async Task<HttpStatusCode> AskAsync(Uri address)
        {
            using var response = await link.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, address), default);
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData("http://localhost:5000/", true)]
    [InlineData("https://127.1.2.3/", true)]
    [InlineData("https://[::1]:5000/", true)]
    [InlineData("https://localhost.example/", false)]
    [InlineData("https://10.0.0.1/", false)]
    public void This_machine_is_what_cannot_be_another(string address, bool expected) =>
        Assert.Equal(expected, new RemoteProxy(new WebProxy("http://proxy.invalid")).IsBypassed(new Uri(address)));
}
