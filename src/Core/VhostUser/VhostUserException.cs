namespace VirtioFsStore.Core.VhostUser;

/// <summary>What a VMM asked cannot be done, or is not the protocol; the message says which and why.</summary>
sealed class VhostUserException(string message, bool isViolation) : Exception(message)
{
    /// <summary>True: the peer does not keep to the protocol and is not listened to any longer. False: a request that is answered with an error.</summary>
    public bool IsViolation => isViolation;

    public static VhostUserException Violation(string message) => new(message, isViolation: true);

    public static VhostUserException Refusal(string message) => new(message, isViolation: false);
}
