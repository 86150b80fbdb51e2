using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>From which level on events are logged; can be changed at any time.</summary>
sealed class LogLevelSwitch(LogLevel least)
{
    volatile LogLevel _least = least;

    public LogLevel Least
    {
        get => _least;
        set
        {
            _least = value;
            Changed?.Invoke(value);
        }
    }

    /// <summary>For processes that log beside this one.</summary>
    public event Action<LogLevel>? Changed;
}
