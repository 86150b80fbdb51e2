namespace VirtioFsStore.Daemon.Commands;

/// <summary>What <c>--print-capabilities</c> prints (QEMU's docs/interop/vhost-user.json, "VhostUserBackendCapabilities").</summary>
static class ProgramCapabilities
{
    /// <summary>
    /// separate-options: the options are taken by themselves, not only in a list after -o. …-negotiation-mode: --posix-acl and
    /// --security-label take never, auto and always. Not migrate-precopy: there is no live migration.
    /// </summary>
    public const string Json = """
        {
          "type": "fs",
          "features": [
            "posix-acl-negotiation-mode",
            "security-label-negotiation-mode",
            "separate-options"
          ]
        }
        """;
}
