using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Sandboxing;

/// <summary>Which capabilities the server keeps of those that its caller has.</summary>
static class ServerCapabilities
{
    /// <summary>To give files any owner, mode, kind and file capability, and to become the guest's user for what that user creates.</summary>
    const ulong Usual =
        (1UL << ThreadCredentials.CAP_CHOWN) | (1UL << ThreadCredentials.CAP_DAC_OVERRIDE) | (1UL << ThreadCredentials.CAP_FOWNER)
        | (1UL << ThreadCredentials.CAP_FSETID) | (1UL << ThreadCredentials.CAP_SETGID) | (1UL << ThreadCredentials.CAP_SETUID)
        | (1UL << ThreadCredentials.CAP_MKNOD) | (1UL << ThreadCredentials.CAP_SETFCAP);

    /// <summary>A bit for each capability to keep (linux/capability.h numbers).</summary>
    /// <param name="settings">Adds to the usual ones, and takes away.</param>
    /// <param name="fileHandles">Inodes are opened by handle, which takes CAP_DAC_READ_SEARCH.</param>
    /// <param name="trustedXattrs">The guest's attributes of the namespace trusted are the host's: CAP_SYS_ADMIN.</param>
    public static ulong Plan(SandboxSettings settings, bool fileHandles, bool trustedXattrs)
    {
        var kept = Usual;
        if (fileHandles)
            kept |= 1UL << ThreadCredentials.CAP_DAC_READ_SEARCH;
        if (trustedXattrs)
            kept |= 1UL << ThreadCredentials.CAP_SYS_ADMIN;
        return (kept | Bits(settings.AddedCapabilities)) & ~Bits(settings.DroppedCapabilities);
    }

    /// <summary>
    /// Cuts what the calling thread holds, and what programs that it starts can come to hold, down to <paramref name="kept"/>. Gives nothing
    /// that it does not have, not through an execve by root either.
    /// </summary>
    /// <exception cref="IOException">Something could not be taken away.</exception>
    public static void Apply(ulong kept)
    {
        SystemCallException.ThrowIfError(ThreadCredentials.GetCapabilities(out var held), "capget");
        SystemCallException.ThrowIfError(ThreadPrivileges.ForbidNewPrivileges(), "prctl", "PR_SET_NO_NEW_PRIVS");
        // First, for the next step may take the right to do it. A caller without that right cannot gain by an execve what it has not:
        // no-new-privileges keeps root's from going beyond the permitted set (security/commoncap.c).
        if (held.Has(ThreadCredentials.CAP_SETPCAP))
            CutBoundingSet(kept);
        var ambient = CutAmbient(kept);
        // Root's programs get the bounding set whatever they inherit; another user's get the ambient capabilities, which must be inheritable.
        var permitted = held.Permitted & kept;
        SystemCallException.ThrowIfError(ThreadCredentials.SetCapabilities(new(held.Effective & kept, permitted, ambient)), "capset");
    }

    static void CutBoundingSet(ulong kept)
    {
        for (var capability = 0; ThreadPrivileges.IsInBoundingSet(capability) is var present and >= 0; capability++)
        {
            if (present == 1 && (kept & (1UL << capability)) == 0)
                SystemCallException.ThrowIfError(ThreadPrivileges.DropFromBoundingSet(capability), "prctl", "PR_CAPBSET_DROP");
        }
    }

    /// <summary>What stays: for root nothing, which has no use for it.</summary>
    static ulong CutAmbient(ulong kept)
    {
        if (ThreadCredentials.EffectiveUserId == 0)
        {
            SystemCallException.ThrowIfError(ThreadPrivileges.ClearAmbient(), "prctl", "PR_CAP_AMBIENT");
            return 0;
        }
        var ambient = 0UL;
        for (var capability = 0; ThreadPrivileges.IsAmbient(capability) is var present and >= 0; capability++)
        {
            if (present == 0)
                continue;
            if ((kept & (1UL << capability)) != 0)
                ambient |= 1UL << capability;
            else
                SystemCallException.ThrowIfError(ThreadPrivileges.LowerAmbient(capability), "prctl", "PR_CAP_AMBIENT");
        }
        return ambient;
    }

    static ulong Bits(IReadOnlyList<string> names) => names.Aggregate(0UL, (bits, name) => bits | (1UL << CapabilityNames.Find(name)));
}
