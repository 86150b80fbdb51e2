using System.Text.Json.Serialization;

namespace VirtioFsStore.Daemon.Keeping;

[JsonSerializable(typeof(ImageRequest))]
[JsonSerializable(typeof(ImageProgress))]
[JsonSerializable(typeof(ImageAnswer))]
sealed partial class KeeperJson : JsonSerializerContext;
