namespace VirtioFsStore.Driver.VhostUser;

/// <summary>The back-end said something that the specification does not allow, refused a message, or went away.</summary>
public sealed class VhostUserProtocolException(string message, Exception? inner = null) : Exception(message, inner);
