namespace VirtioFsStore.Daemon.Keeping;

/// <summary>The keeper ended before it had answered: another one is to be asked.</summary>
sealed class KeeperLostException(Exception? inner = null) : IOException("the keeper of the store ended before it answered", inner);
