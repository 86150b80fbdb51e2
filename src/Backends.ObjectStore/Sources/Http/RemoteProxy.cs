using System.Net;

namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>A proxy for all hosts but this machine, which a proxy elsewhere would take for itself: what container tools do, and .NET does not.</summary>
sealed class RemoteProxy(IWebProxy proxy) : IWebProxy
{
    public ICredentials? Credentials
    {
        get => proxy.Credentials;
        set => proxy.Credentials = value;
    }

    public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : proxy.GetProxy(destination);

    public bool IsBypassed(Uri host) =>
        host.IdnHost == "localhost" || (IPAddress.TryParse(host.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address)) || proxy.IsBypassed(host);
}
