namespace VirtioFsStore.Posix;

/// <summary>A rule of the suite: <c>subject.name</c>, and the features without which a target cannot have it.</summary>
public sealed record PosixRule(string Name, IReadOnlyList<string> Needs);
