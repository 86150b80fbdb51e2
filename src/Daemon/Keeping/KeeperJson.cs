using System.Text.Json.Serialization;
using VirtioFsStore.Backends.ObjectStore.Cache;
using VirtioFsStore.Backends.Overlay.Store;

namespace VirtioFsStore.Daemon.Keeping;

[JsonSerializable(typeof(ImageMessage))]
[JsonSerializable(typeof(ImageProgress))]
[JsonSerializable(typeof(ImageAnswer))]
[JsonSerializable(typeof(ImageCounts))]
[JsonSerializable(typeof(CacheWork))]
[JsonSerializable(typeof(LayerReport))]
[JsonSerializable(typeof(CollectResult))]
sealed partial class KeeperJson : JsonSerializerContext;
