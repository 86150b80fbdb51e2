using System.Text.Json.Serialization;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.ServerProcesses;

[JsonSerializable(typeof(ServeSettings))]
[JsonSerializable(typeof(MountMessage))]
[JsonSerializable(typeof(ServedStatistics))]
sealed partial class ServerJson : JsonSerializerContext;
