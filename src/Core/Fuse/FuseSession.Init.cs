using VirtioFsStore.Core.Dax;
using VirtioFsStore.Core.Fuse.Abi;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Storage;
using VirtioFsStore.Core.Transport;

namespace VirtioFsStore.Core.Fuse;

/// <summary>INIT: what the guest offers, what this session wants, and what both have.</summary>
public sealed partial class FuseSession
{
    /// <summary>sizeof(struct fuse_init_in) before 7.36.</summary>
    const int ShortInit = 16;

    const InitFlags Always = InitFlags.ASYNC_READ | InitFlags.BIG_WRITES | InitFlags.PARALLEL_DIROPS | InitFlags.ASYNC_DIO
        | InitFlags.MAX_PAGES | InitFlags.INIT_EXT;

    /// <summary>What matters where files can be made or change.</summary>
    const InitFlags Mutable = InitFlags.AUTO_INVAL_DATA | InitFlags.CREATE_SUPP_GROUP | InitFlags.ATOMIC_O_TRUNC;

    /// <summary>Without all three the guest's kernel would show ACLs that it does not obey, or apply its umask where a default ACL replaces it.</summary>
    const InitFlags Acls = InitFlags.POSIX_ACL | InitFlags.DONT_MASK | InitFlags.SETXATTR_EXT;

    /// <summary>Of a file system that never changes, a guest may keep everything.</summary>
    const InitFlags Immutable = InitFlags.CACHE_SYMLINKS;

    bool Initialise(FuseRequest request)
    {
        if (!ReadInit(request, out var init))
            return request.Reply(Errno.EINVAL);
        if (init.Major > Protocol.Major)
        {
            // "Tell me what you speak": the guest asks again with our major.
            return request.Reply(new InitOut { Major = Protocol.Major, Minor = Protocol.Minor });
        }
        if (init.Major < Protocol.Major || init.Minor < Protocol.OldestMinor)
        {
            Log.GuestTooOld(_logger, init.Major, init.Minor, Protocol.Major, Protocol.OldestMinor);
            return request.Reply(Errno.EPROTO);
        }
        var offered = (InitFlags)init.Flags;
        if ((offered & InitFlags.INIT_EXT) != 0)
            offered |= (InitFlags)((ulong)init.Flags2 << 32);
        if ((Required & ~offered) is var missing and not InitFlags.None)
        {
            Log.FeatureNotOffered(_logger, missing);
            return request.Reply(Errno.EPROTO);
        }
        if (_used && !EndSession())
            return request.Reply(Errno.EBUSY);

        var policy = ChoosePolicy();
        var flags = offered & Wanted(policy);
        if ((flags & Acls) != Acls)
            flags &= ~Acls;
        // Offered by a guest that sees a window.
        if ((flags & InitFlags.MAP_ALIGNMENT) == 0)
            flags &= ~InitFlags.HAS_INODE_DAX;
        // An OPEN that truncates says whether setuid and setgid are to go only with HANDLE_KILLPRIV_V2; else the kernel truncates by SETATTR,
        // which says it.
        if ((flags & InitFlags.HANDLE_KILLPRIV_V2) == 0)
            flags &= ~InitFlags.ATOMIC_O_TRUNC;
        _used = true;
        _resumable = false;
        if ((flags & InitFlags.MAP_ALIGNMENT) == 0 || _window.Current is not { } window)
            return Agree(request, init, flags, policy);
        _waiting.Add(request);
        _ = AgreeAsync(request, init, flags, policy, window);
        return false;
    }

    /// <summary>What is shown as mappable depends on the VMM, which is asked before the guest sees a file.</summary>
    async Task AgreeAsync(FuseRequest request, InitIn init, InitFlags flags, SessionPolicy policy, DaxWindow window)
    {
        Reply<WindowTerms> terms;
        try
        {
            terms = await window.LearnTermsAsync(request.Cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            terms = Errno.EINTR;
        }
        _waiting.Remove(request);
        // A VMM that cannot answer now is asked again with the next request.
        var isLost = terms.IsError && terms.Error is not (Errno.EAGAIN or Errno.EINTR);
        if (isLost)
            Log.WindowUnusable(_logger, terms.Error);
        Agree(request, init, isLost ? flags & ~(InitFlags.MAP_ALIGNMENT | InitFlags.HAS_INODE_DAX) : flags, policy);
        request.End();
        request.Complete();
    }

    bool Agree(FuseRequest request, in InitIn init, InitFlags flags, SessionPolicy policy)
    {
        _negotiated = new NegotiatedSession(Math.Min(init.Minor, Protocol.Minor), flags, policy);
        Log.SessionStarted(_logger, init.Major, init.Minor, flags);
        return request.Reply(new InitOut
        {
            Major = Protocol.Major,
            Minor = Protocol.Minor,
            MaxReadahead = init.MaxReadahead,
            Flags = (uint)flags,
            Flags2 = (uint)((ulong)flags >> 32),
            MaxBackground = ushort.MaxValue,
            CongestionThreshold = ushort.MaxValue / 4 * 3,
            MaxWrite = _options.MaxWrite,
            TimeGranularity = 1,
            // The guest itself keeps this below its queue's size.
            MaxPages = (ushort)Math.Clamp((_options.MaxWrite + 4095) / 4096, 1, ushort.MaxValue),
            MapAlignment = (ushort)((flags & InitFlags.MAP_ALIGNMENT) != 0 ? DaxRange.PageShift : 0),
        });
    }

    /// <summary>
    /// The guest begins anew (it was booted again, or unmounted before): what the old session had is dropped, for which no request may
    /// be under way. The door is closed before they are counted, so that none comes in between. False: there are some, and nothing has changed.
    /// </summary>
    bool EndSession()
    {
        var before = _negotiated;
        _resumable = false;
        _negotiated = null;
        // Another queue's request either sees the closed door, or was counted before it looked (QueueState.Enter is a full fence too).
        Interlocked.MemoryBarrier();
        if (OthersInFlight())
        {
            _negotiated = before;
            return false;
        }
        // The next session's mappings would overlap what is left.
        _window.DropAll(tell: true);
        Forget();
        return true;
    }

    /// <summary>
    /// A VMM that connects to a new daemon after the old one died goes on in the middle of its guest's session: INIT does not come
    /// again. File systems that are replayable keep nothing of a session, so it is taken to have agreed on all that this one wants.
    /// A guest that merely forgot INIT gains nothing by it.
    /// </summary>
    NegotiatedSession? Resume()
    {
        // Another queue may have resumed it a moment ago: it publishes the session first.
        if (!_resumable || !Replayable)
            return _negotiated;
        var policy = ChoosePolicy();
        _used = true;
        var session = new NegotiatedSession(Protocol.Minor, Wanted(policy), policy);
        _negotiated = session;
        _resumable = false;
        Log.SessionResumed(_logger);
        return session;
    }

    static bool ReadInit(FuseRequest request, out InitIn init)
    {
        init = default;
        if (request.Remaining >= ShortInit && request.Remaining < System.Runtime.CompilerServices.Unsafe.SizeOf<InitIn>())
        {
            return request.Read(out init.Major) && request.Read(out init.Minor) && request.Read(out init.MaxReadahead) && request.Read(out init.Flags);
        }
        return request.Read(out init);
    }

    SessionPolicy ChoosePolicy()
    {
        var policy = SessionPolicy.None;
        if (IsImmutable)
            policy |= SessionPolicy.NoOpen;
        if (_router.IsSingle && (_router.CommonTraits & FileSystemTraits.Xattrs) == 0)
            policy |= SessionPolicy.NoXattr;
        return policy;
    }

    /// <summary>What a guest must offer to be served.</summary>
    InitFlags Required =>
        (_options.PosixAcl == FeatureMode.Always ? Acls : InitFlags.None)
        | (_options.SecurityLabels == FeatureMode.Always ? InitFlags.SECURITY_CTX : InitFlags.None);

    /// <summary>One file system that has it is enough: the others answer that this file or that has none.</summary>
    bool Uses(FeatureMode mode, FileSystemTraits trait) =>
        mode == FeatureMode.Always || (mode == FeatureMode.Auto && (_router.AnyTraits & trait) != 0);

    /// <summary>Below a pseudo root what has locks may be mounted after INIT, which is not repeated: there the option says so.</summary>
    bool HasLocks(bool wanted, FileSystemTraits trait) => (wanted && !_router.IsSingle) || (_router.AnyTraits & trait) != 0;

    InitFlags Wanted(SessionPolicy policy)
    {
        var flags = Always;
        // A pseudo root may get a mutable mount later, and INIT is not repeated.
        flags |= IsImmutable ? Immutable : Mutable;
        if ((policy & SessionPolicy.NoOpen) != 0)
            flags |= InitFlags.NO_OPEN_SUPPORT | InitFlags.NO_OPENDIR_SUPPORT;
        if (_options.ReadDirPlus)
            flags |= InitFlags.DO_READDIRPLUS | InitFlags.READDIRPLUS_AUTO;
        if (_options.Writeback)
            flags |= InitFlags.WRITEBACK_CACHE;
        // With idmapped mounts the kernel no longer says who writes or allocates, which deciding over setuid and setgid needs.
        if (_options.KillPrivilegesV2)
            flags |= InitFlags.HANDLE_KILLPRIV_V2;
        else if (_options.AllowIdmap)
            flags |= InitFlags.ALLOW_IDMAP;
        if (Uses(_options.PosixAcl, FileSystemTraits.PosixAcls))
            flags |= Acls;
        if (Uses(_options.SecurityLabels, FileSystemTraits.SecurityLabels))
            flags |= InitFlags.SECURITY_CTX;
        if (_options.DirectIoAllowMmap)
            flags |= InitFlags.DIRECT_IO_ALLOW_MMAP;
        if (_window.Current is not null)
            flags |= InitFlags.MAP_ALIGNMENT | InitFlags.HAS_INODE_DAX;
        if (_options.AnnounceSubmounts)
            flags |= InitFlags.SUBMOUNTS;
        if (HasLocks(_options.PosixLocks, FileSystemTraits.PosixLocks))
            flags |= InitFlags.POSIX_LOCKS;
        if (HasLocks(_options.Flock, FileSystemTraits.Flock))
            flags |= InitFlags.FLOCK_LOCKS;
        return flags;
    }
}
