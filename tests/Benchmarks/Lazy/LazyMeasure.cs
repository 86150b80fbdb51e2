namespace VirtioFsStore.Benchmarks.Lazy;

/// <summary>One round of a row.</summary>
/// <param name="Seconds">To its end, or until the guest was ready.</param>
/// <param name="Bytes">Of bodies that came over the line.</param>
/// <param name="Requests">That went over it.</param>
/// <param name="Memory">The most that the daemon's processes held together, in bytes; 0 where there is none.</param>
readonly record struct LazyMeasure(double Seconds, long Bytes, int Requests, long Memory);
