namespace VirtioFsStore.Backends.Overlay.Store;

/// <summary>What a host has been asked for.</summary>
/// <param name="Name">HOST[:PORT].</param>
/// <param name="Requests">Redirects, tokens and further tries included.</param>
/// <param name="BytesReceived">Of bodies.</param>
/// <param name="Retries">Requests that were sent again after a failure.</param>
/// <param name="Failures">Of requests, whether or not another try went well.</param>
/// <param name="RangesIgnored">Answers that held the whole of a blob in place of a range.</param>
public sealed record HostCounts(string Name, long Requests, long BytesReceived, long Retries, long Failures, long RangesIgnored);
