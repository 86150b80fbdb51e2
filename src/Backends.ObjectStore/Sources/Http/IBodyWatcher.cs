namespace VirtioFsStore.Backends.ObjectStore.Sources.Http;

/// <summary>Is told of what comes of bodies, from any thread.</summary>
public interface IBodyWatcher
{
    void Received(int bytes);

    /// <summary>It broke, or ended early.</summary>
    void Broke();

    /// <summary>Its reader gave up: it was too slow, or is not wanted any more.</summary>
    void GivenUp();
}
