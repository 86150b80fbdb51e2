using System.Net;
using System.Net.Sockets;

namespace VirtioFsStore.RealServers;

static class LocalPort
{
    /// <summary>A port of 127.0.0.1 that nobody listens on at the moment.</summary>
    public static int FindFree()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
