namespace VirtioFsStore.Backends.Local.Translation;

/// <summary>One rule of a <see cref="XattrMap"/>.</summary>
/// <param name="Type">What is done.</param>
/// <param name="OfClient">Names that the guest gives are looked at.</param>
/// <param name="OfServer">Names that the host lists are looked at.</param>
/// <param name="Key">How a guest's name begins that this is about.</param>
/// <param name="Prepend">How a host's name begins that this is about; what <see cref="XattrRuleType.Prefix"/> puts before a guest's.</param>
readonly record struct XattrRule(XattrRuleType Type, bool OfClient, bool OfServer, byte[] Key, byte[] Prepend);
