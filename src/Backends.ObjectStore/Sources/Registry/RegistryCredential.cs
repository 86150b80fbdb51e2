namespace VirtioFsStore.Backends.ObjectStore.Sources.Registry;

/// <summary>Who one is to a registry. One of the three ways.</summary>
/// <param name="UserName">With a password.</param>
/// <param name="Password">With a user name.</param>
/// <param name="IdentityToken">To be exchanged for tokens (OAuth2's refresh token).</param>
/// <param name="RegistryToken">To be shown as it is.</param>
sealed record RegistryCredential(string? UserName, string? Password, string? IdentityToken, string? RegistryToken)
{
    /// <summary>Nothing of it belongs into a message.</summary>
    public override string ToString() => "credentials";
}
