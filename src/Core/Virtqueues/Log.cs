using Microsoft.Extensions.Logging;

namespace VirtioFsStore.Core.Virtqueues;

static partial class Log
{
    [LoggerMessage(Level = LogLevel.Error, Message = "Queue {Queue} is stopped: the guest's driver broke the rules of virtio: {Fault}. It works again when the guest resets the device.")]
    public static partial void QueueBroken(ILogger logger, int queue, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Queue {Queue} is stopped by an error of this program")]
    public static partial void QueueFailed(ILogger logger, int queue, Exception exception);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Queue {Queue} runs: {Size} entries from {Base} on, {Resubmitted} requests run again")]
    public static partial void QueueStarted(ILogger logger, int queue, int size, int @base, int resubmitted);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Queue {Queue} has ended at {Base}")]
    public static partial void QueueEnded(ILogger logger, int queue, int @base);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Queue {Queue} was taken away with {Outstanding} requests unfinished; what they answer is dropped")]
    public static partial void QueueAbandoned(ILogger logger, int queue, int outstanding);
}
