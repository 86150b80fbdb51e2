using System.Text.Json.Serialization;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

[JsonSerializable(typeof(ServeSettings))]
[JsonSerializable(typeof(MountMessage))]
[JsonSerializable(typeof(MountStatistics))]
sealed partial class ServerJson : JsonSerializerContext;
