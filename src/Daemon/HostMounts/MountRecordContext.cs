using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.HostMounts;

/// <summary>Mount records as JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(MountRecord))]
sealed partial class MountRecordContext : JsonSerializerContext;
