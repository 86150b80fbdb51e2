namespace VirtioFsStore.FaultProxy;

/// <summary>A line as one wants it to be.</summary>
/// <param name="BytesPerSecond">Of answers' bodies, of all connections together.</param>
/// <param name="RoundTrip">Before each answer, and once more for each new connection.</param>
public sealed record LineShape(long BytesPerSecond, TimeSpan RoundTrip);
