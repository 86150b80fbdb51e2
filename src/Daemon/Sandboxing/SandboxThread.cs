using System.Runtime.ExceptionServices;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>
/// A thread that has left the namespaces of its process: what must happen in the sandbox's is done on it, one job after the other. Nothing
/// may run on it but direct system calls: what the runtime starts from a thread lives in that thread's namespaces.
/// </summary>
sealed class SandboxThread : IDisposable
{
    readonly Lock _callers = new();
    readonly object _mailbox = new();
    Action? _job;
    ExceptionDispatchInfo? _failure;
    bool _done;
    bool _ended;

    public SandboxThread()
    {
        new Thread(Work, 256 * 1024) { IsBackground = true, Name = "sandbox" }.Start();
    }

    /// <summary>Runs a job to its end; its exception is the caller's.</summary>
    public void Run(Action job)
    {
        lock (_callers)
        {
            lock (_mailbox)
            {
                ObjectDisposedException.ThrowIf(_ended, this);
                _job = job;
                _done = false;
                Monitor.PulseAll(_mailbox);
                while (!_done)
                    Monitor.Wait(_mailbox);
                _failure?.Throw();
            }
        }
    }

    public void Dispose()
    {
        lock (_mailbox)
        {
            _ended = true;
            Monitor.PulseAll(_mailbox);
        }
    }

    void Work()
    {
        lock (_mailbox)
        {
            while (true)
            {
                while (_job is null && !_ended)
                    Monitor.Wait(_mailbox);
                if (_job is null)
                    return;
                try
                {
                    _failure = null;
                    _job();
                }
                catch (Exception exception)
                {
                    _failure = ExceptionDispatchInfo.Capture(exception);
                }
                _job = null;
                _done = true;
                Monitor.PulseAll(_mailbox);
            }
        }
    }
}
