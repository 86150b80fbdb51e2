namespace VirtioFsStore.Daemon.Api;

/// <summary>A request that is answered with an error.</summary>
sealed class ApiException(int status, string message) : Exception(message)
{
    /// <summary>HTTP's.</summary>
    public int Status => status;
}
