using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>
/// How names of extended attributes are translated between guest and host, by virtiofsd's language of rules
/// (its doc/xattr-mapping.md): <c>:type:scope:key:prepend:</c>, or last of all <c>:map:key:prepend:</c>. The first rule that
/// matches counts; a name that none matches is as if it were <c>bad</c>.
/// </summary>
public sealed class XattrMap
{
    readonly XattrRule[] _rules;

    XattrMap(XattrRule[] rules) => _rules = rules;

    /// <exception cref="FormatException">The rules make no sense; the message says which one and why.</exception>
    public static XattrMap Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new XattrMap(XattrMapParser.Parse(text));
    }

    /// <summary>The host's name for one that the guest gives.</summary>
    /// <param name="name">Without its NUL.</param>
    /// <param name="host">Takes the host's name, and a NUL behind it.</param>
    /// <returns>The length without the NUL, or −EPERM, −EOPNOTSUPP; −ERANGE for one that is too long, as the kernel has it.</returns>
    public int ToHost(ReadOnlySpan<byte> name, Span<byte> host)
    {
        foreach (ref readonly var rule in _rules.AsSpan())
        {
            if (!rule.OfClient || !name.StartsWith(rule.Key))
                continue;
            return rule.Type switch
            {
                XattrRuleType.Prefix => Join(rule.Prepend, name, host),
                XattrRuleType.Ok => Join([], name, host),
                XattrRuleType.Unsupported => -(int)Errno.EOPNOTSUPP,
                _ => -(int)Errno.EPERM,
            };
        }
        return -(int)Errno.EPERM;
    }

    /// <summary>How many bytes at the start of a host's name the guest is not shown.</summary>
    /// <returns>False: it is not shown at all.</returns>
    public bool TryToGuest(ReadOnlySpan<byte> name, out int stripped)
    {
        stripped = 0;
        foreach (ref readonly var rule in _rules.AsSpan())
        {
            if (!rule.OfServer || !name.StartsWith(rule.Prepend))
                continue;
            if (rule.Type == XattrRuleType.Prefix)
                stripped = rule.Prepend.Length;
            return rule.Type is XattrRuleType.Prefix or XattrRuleType.Ok && stripped < name.Length;
        }
        return false;
    }

    static int Join(ReadOnlySpan<byte> prepend, ReadOnlySpan<byte> name, Span<byte> host)
    {
        var length = prepend.Length + name.Length;
        if (length > ExtendedAttributes.MaxNameLength || length >= host.Length)
            return -(int)Errno.ERANGE;
        prepend.CopyTo(host);
        name.CopyTo(host[prepend.Length..]);
        host[length] = 0;
        return length;
    }
}
