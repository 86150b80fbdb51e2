using System.Text.Json.Serialization;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Daemon.Keeping;

[JsonSerializable(typeof(ImageMessage))]
[JsonSerializable(typeof(ImageProgress))]
[JsonSerializable(typeof(ImageAnswer))]
[JsonSerializable(typeof(ImageCounts))]
sealed partial class KeeperJson : JsonSerializerContext;
