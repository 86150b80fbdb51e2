using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Keeping;

[JsonSerializable(typeof(ImageMessage))]
[JsonSerializable(typeof(ImageProgress))]
[JsonSerializable(typeof(ImageAnswer))]
sealed partial class KeeperJson : JsonSerializerContext;
