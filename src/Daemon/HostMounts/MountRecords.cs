using System.Text.Json;
using Microsoft.Extensions.Logging;
using VirtioFsStore.Core.DevFuse;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>The records of this user's mounts, one file a device. Their folder is empty after a boot.</summary>
static class MountRecords
{
    /// <summary>A mount works without its record, so that failing to write one is not the mount's failure.</summary>
    public static void Write(MountRecord record, ILogger logger)
    {
        try
        {
            var folder = HostFolders.Runtime;
            if (PathOf(folder, record.Device) is not { } path)
                return;
            Directory.CreateDirectory(folder, HostFolders.OwnerWrites);
            Sweep(folder);
            // Whole or not at all for those who read it.
            var unfinished = $"{path}.{record.Pid}";
            File.WriteAllBytes(unfinished, JsonSerializer.SerializeToUtf8Bytes(record, MountRecordContext.Default.MountRecord));
            File.Move(unfinished, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Daemon.Log.NoRecord(logger, exception.Message);
        }
    }

    /// <summary>The record of what is mounted as a device; null if there is none.</summary>
    public static MountRecord? Find(string device)
    {
        try
        {
            return PathOf(HostFolders.Runtime, device) is { } path ? Read(path) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Removes a mount's record, if it is still that mount's: devices are used again.</summary>
    public static void Remove(MountRecord record)
    {
        if (record.Device is null || Find(record.Device) != record)
            return;
        try
        {
            File.Delete(PathOf(HostFolders.Runtime, record.Device)!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next mount's sweep takes it.
        }
    }

    /// <summary>Removes what was left by servers that were killed, and whose mounts somebody else has taken away.</summary>
    static void Sweep(string folder)
    {
        var devices = MountInfo.ReadAll().Select(mount => mount.Device).ToHashSet();
        foreach (var path in Directory.EnumerateFiles(folder, "*.json"))
        {
            if (Read(path) is not { Device: { } device } record || devices.Contains(device))
                continue;
            using var server = record.OpenServer();
            if (server is null)
                File.Delete(path);
        }
    }

    static MountRecord? Read(string path)
    {
        try
        {
            var record = JsonSerializer.Deserialize(File.ReadAllBytes(path), MountRecordContext.Default.MountRecord);
            // Of a container's server, or seen from one: nothing can be said of it here, least of all that it has ended.
            return record is { IsOfThisNamespace: true } ? record : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    static string? PathOf(string folder, string? device) => device is null ? null : Path.Combine(folder, $"{device.Replace(':', '-')}.json");
}
