using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Backends.Local;

/// <summary>
/// Lets a queue's thread create files as the caller in the guest: under its effective user and group id, and of the
/// supplementary groups only the one the guest vouched for, so that the kernel gives the file its owner and judges
/// setgid directories as for that caller (CVE-2022-0358 is what happens with the daemon's own groups).
/// </summary>
/// <remarks>
/// The guest's kernel has checked permissions with all that it knows (groups, ACLs, capabilities of its own), so the
/// switched thread keeps CAP_DAC_OVERRIDE and CAP_MKNOD but nothing else: above all not CAP_FSETID. A daemon without
/// CAP_SETUID and CAP_SETGID creates everything as itself.
/// </remarks>
sealed unsafe class CallerIdentity
{
    const ulong KeptCapabilities =
        (1UL << ThreadCredentials.CAP_DAC_OVERRIDE) | (1UL << ThreadCredentials.CAP_DAC_READ_SEARCH) | (1UL << ThreadCredentials.CAP_MKNOD);

    [ThreadStatic]
    static bool t_ownsUmask;

    [ThreadStatic]
    static uint t_umask;

    readonly uint _uid = ThreadCredentials.EffectiveUserId;
    readonly uint _gid = ThreadCredentials.EffectiveGroupId;
    readonly uint[] _groups = ThreadCredentials.GetGroups();
    readonly CapabilitySets _capabilities;
    readonly CapabilitySets _switched;
    readonly CapabilitySets _none;
    readonly CapabilitySets _withoutSetId;

    readonly IdTranslation? _users;
    readonly IdTranslation? _groupIds;

    /// <param name="users">Of the guest's user ids; null: they are the host's.</param>
    /// <param name="groups">Of the guest's group ids.</param>
    public CallerIdentity(IdTranslation? users = null, IdTranslation? groups = null)
    {
        _users = users;
        _groupIds = groups;
        SystemCallException.ThrowIfError(ThreadCredentials.GetCapabilities(out _capabilities), "capget");
        _switched = _capabilities with { Effective = _capabilities.Effective & KeptCapabilities };
        _none = _capabilities with { Effective = 0 };
        _withoutSetId = _capabilities with { Effective = _capabilities.Effective & ~(1UL << ThreadCredentials.CAP_FSETID) };
        CanSwitch = _capabilities.Has(ThreadCredentials.CAP_SETUID) && _capabilities.Has(ThreadCredentials.CAP_SETGID);
    }

    public bool CanSwitch { get; }

    /// <summary>May set attributes of the namespace security where no security module has a say.</summary>
    public bool CanLabel => _capabilities.Has(ThreadCredentials.CAP_SYS_ADMIN);

    /// <summary>Setuid and setgid survive our writes unless we give this up for them.</summary>
    public bool KeepsSetId => _capabilities.Has(ThreadCredentials.CAP_FSETID);

    /// <summary>Makes the calling thread the caller until the result is disposed. Check <see cref="Scope.Error"/>.</summary>
    /// <param name="request">Names the caller.</param>
    /// <param name="umask">What the kernel is to apply where no default ACL does.</param>
    public Scope Assume(RequestContext request, uint umask)
    {
        var error = SetUmask(umask & 0x1FF);
        return error == Errno.None ? Switch(request, keep: true) : new(error);
    }

    /// <summary>As <see cref="Assume"/>, with no capability kept: for asking what the caller may do.</summary>
    public Scope AssumeForChecks(RequestContext request) => Switch(request, keep: false);

    Scope Switch(RequestContext request, bool keep)
    {
        var (uid, gid) = (request.Caller.Uid, request.Caller.Gid);
        var supplementary = request.SupplementaryGroup;
        if (!TryTranslate(ref uid, ref gid, ref supplementary))
            return new(keep ? Errno.EPERM : Errno.EACCES);
        if ((uid == _uid && gid == _gid) || !CanSwitch)
            return default;
        // A caller without an id here (ALLOW_IDMAP sends −1): to the kernel the value means "leave as it is", that is, as the daemon.
        if (uid == ThreadCredentials.Unchanged || gid == ThreadCredentials.Unchanged)
            return new(Errno.EOVERFLOW);
        var scope = new Scope(this, uid != _uid, gid != _gid);
        int result;
        if (uid != _uid && (_groups.Length > 0 || supplementary != RequestContext.NoGroup)
            && (result = ThreadCredentials.SetGroups(&supplementary, supplementary == RequestContext.NoGroup ? 0 : 1)) < 0)
        {
            goto Failed;
        }
        if (gid != _gid && (result = ThreadCredentials.SetGroupIds(ThreadCredentials.Unchanged, gid, ThreadCredentials.Unchanged)) < 0)
            goto Failed;
        if (uid == _uid)
            return scope;
        if ((result = ThreadCredentials.SetUserIds(ThreadCredentials.Unchanged, uid, ThreadCredentials.Unchanged)) < 0)
            goto Failed;
        if ((result = ThreadCredentials.SetCapabilities(keep ? _switched : _none)) < 0)
            goto Failed;
        return scope;

    Failed:
        scope.Dispose();
        // EINVAL: the id does not exist in our user namespace, for which files have this error.
        return new(result == -(int)Errno.EINVAL ? Errno.EOVERFLOW : result.ToErrno());
    }

    /// <summary>False: the guest may not use one of the ids.</summary>
    bool TryTranslate(ref uint user, ref uint group, ref uint supplementary) =>
        (_users is null || _users.TryToHost(user, out user))
        && (_groupIds is null
            || (_groupIds.TryToHost(group, out group)
                && (supplementary == RequestContext.NoGroup || _groupIds.TryToHost(supplementary, out supplementary))));

    /// <summary>Gives up CAP_FSETID on this thread until the result is disposed: the kernel then clears setuid and setgid as for an ordinary writer.</summary>
    public Scope DropSetId()
    {
        if (!KeepsSetId)
            return default;
        var result = ThreadCredentials.SetCapabilities(_withoutSetId);
        return result < 0 ? new(result.ToErrno()) : new Scope(this, false, false);
    }

    /// <summary>The kernel applies a umask where no default ACL does, so it must have it; and it must be this thread's alone.</summary>
    static Errno SetUmask(uint umask)
    {
        if (!t_ownsUmask)
        {
            var result = ThreadCredentials.UnshareFileSystemState();
            if (result < 0)
                return result.ToErrno();
            t_ownsUmask = true;
            t_umask = ~umask;
        }
        if (t_umask != umask)
        {
            _ = ThreadCredentials.SetUmask(umask);
            t_umask = umask;
        }
        return Errno.None;
    }

    void Restore(bool user, bool group)
    {
        var failed = false;
        // First the ids, which real and saved ids always allow, then the capabilities, which setgroups needs.
        if (user)
            failed |= ThreadCredentials.SetUserIds(ThreadCredentials.Unchanged, _uid, ThreadCredentials.Unchanged) < 0;
        if (group)
            failed |= ThreadCredentials.SetGroupIds(ThreadCredentials.Unchanged, _gid, ThreadCredentials.Unchanged) < 0;
        if (user || !group)
            failed |= ThreadCredentials.SetCapabilities(_capabilities) < 0;
        if (user)
        {
            fixed (uint* groups = _groups)
                failed |= ThreadCredentials.SetGroups(groups, _groups.Length) < 0;
        }
        if (failed)
            Environment.FailFast("A thread could not get its own credentials back after it created a file for a guest's user; going on would act with the wrong ones.");
    }

    /// <summary>For as long as the thread is someone else. Must be disposed on the same thread.</summary>
    public readonly ref struct Scope
    {
        readonly CallerIdentity? _identity;
        readonly bool _user;
        readonly bool _group;

        public Scope(Errno error) => Error = error;

        public Scope(CallerIdentity identity, bool user, bool group)
        {
            _identity = identity;
            _user = user;
            _group = group;
        }

        public Errno Error { get; }

        public bool IsError => Error != Errno.None;

        public void Dispose() => _identity?.Restore(_user, _group);
    }
}
