namespace VirtioFsStore.Backends.ObjectStore.Sources.Resilience;

/// <summary>One request's place among those in flight to a host, until it is disposed of. One of the two outcomes is told before.</summary>
sealed class RequestLease(RequestGate gate, bool isProbe) : IDisposable
{
    bool _disposed;

    /// <summary>Sent to find out whether a host that failed is back. Cleared by the gate.</summary>
    public bool IsProbe { get; set; } = isProbe;

    /// <summary>The host does what it should.</summary>
    public void Succeeded() => gate.Note(this, null);

    public void Failed(SourceException failure) => gate.Note(this, failure);

    /// <summary>Bytes came: whoever waits for a place waits for good reason.</summary>
    public void Progressed() => gate.Progressed();

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        gate.Leave(this);
    }
}
