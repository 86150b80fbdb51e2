namespace VirtioFsStore.Daemon.ServerProcesses;

/// <summary>The server ended before it answered; its exit code says more.</summary>
sealed class ServerEndedException() : IOException("the server has ended");
