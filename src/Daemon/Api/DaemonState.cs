namespace VirtioFsStore.Daemon.Api;

/// <summary>How far the daemon is, in the API's words.</summary>
enum DaemonState
{
    INIT,
    RUNNING,
    STOPPED,
}
