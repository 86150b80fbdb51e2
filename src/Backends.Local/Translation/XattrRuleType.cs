namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>What happens to a name that a rule of a <see cref="XattrMap"/> matches.</summary>
enum XattrRuleType
{
    /// <summary>A guest's name gets a prefix on the host; a host's name loses it before the guest sees it.</summary>
    Prefix,

    /// <summary>It passes as it is.</summary>
    Ok,

    /// <summary>A guest's name is refused (EPERM; to a question there is no such attribute); a host's name is hidden.</summary>
    Bad,

    /// <summary>As <see cref="Bad"/>, but the guest hears EOPNOTSUPP.</summary>
    Unsupported,
}
