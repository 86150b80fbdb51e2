using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Transfer;

/// <param name="Digest">Of what was pushed: a manifest or an index.</param>
/// <param name="Tag">What the target calls it.</param>
/// <param name="Manifests">Pushed, the index included.</param>
/// <param name="BlobsSent">That the target lacked.</param>
/// <param name="BlobsPresent">That it had.</param>
/// <param name="BytesSent">Of blobs, less what the target had of an earlier push.</param>
public sealed record PushResult(Digest Digest, string Tag, int Manifests, int BlobsSent, int BlobsPresent, long BytesSent);
