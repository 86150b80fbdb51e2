using System.CommandLine;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>
/// Makes virtiofsd's command line one that the parser takes: forms of old become the options they stand for, of an option given twice the
/// last counts, and no option takes the next word for a value that it needs none of.
/// </summary>
sealed class VirtiofsdArguments
{
    const string LogLevel = "--log-level";

    readonly Command _command;
    readonly List<string> _words = [];

    // A "--" and all behind it, where there are no options.
    string[] _rest = [];
    readonly List<(string Name, string? Value)> _options = [];

    VirtiofsdArguments(Command command) => _command = command;

    /// <summary>Whether a command line is virtiofsd's: it begins with an option, not with one of our commands.</summary>
    public static bool IsMeant(string[] arguments) => arguments is [['-', _, ..], ..];

    public static string[] Normalise(Command root, string[] arguments)
    {
        var normalised = new VirtiofsdArguments(root);
        normalised.Read(arguments);
        return [.. normalised._words, .. normalised._options.Select(option => option.Value is null ? option.Name : $"{option.Name}={option.Value}"), .. normalised._rest];
    }

    void Read(string[] arguments)
    {
        var (lists, debug) = (new List<string>(), false);
        for (var i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--":
                    _rest = arguments[i..];
                    i = arguments.Length;
                    break;
                case "-o" when i + 1 < arguments.Length:
                    lists.Add(arguments[++i]);
                    break;
                case ['-', 'o', '=', .. var list]:
                    lists.Add(list);
                    break;
                case ['-', 'o', _, ..] word:
                    lists.Add(word[2..]);
                    break;
                case ['-', 'd' or 'f', ..] word when !word.AsSpan(1).ContainsAnyExcept('d', 'f'):
                    debug |= word.Contains('d', StringComparison.Ordinal);
                    break;
                case "-V":
                    _words.Add("--version");
                    break;
                case ['-', '-', ..] word:
                    i += Take(word, arguments.AsSpan(i + 1));
                    break;
                case var word:
                    _words.Add(word);
                    break;
            }
        }
        // As virtiofsd has it: what comes after -o counts whatever stands where, and -d over all.
        foreach (var list in lists)
            VirtiofsdOptionList.Apply(list, Set, Remove);
        if (debug)
            Set(LogLevel, "debug");
    }

    /// <returns>How many of the words behind it belong to it.</returns>
    int Take(string word, ReadOnlySpan<string> behind)
    {
        var at = word.IndexOf('=', StringComparison.Ordinal);
        var name = at < 0 ? word : word[..at];
        if (name == "--socket")
            name = "--socket-path";
        var option = _command.Options.FirstOrDefault(candidate => candidate.Name == name);
        if (at >= 0)
        {
            Add(option, name, word[(at + 1)..]);
            return 0;
        }
        // A bare option that may have a value has the one that it stands for; other words behind it are not its own.
        if (SourceOptions.Complete([name]) is [var completed] && completed != name)
        {
            Set(name, completed[(name.Length + 1)..]);
            return 0;
        }
        if (option is null || option.ValueType == typeof(bool) || behind.IsEmpty || behind[0].StartsWith("--", StringComparison.Ordinal))
        {
            Add(option, name, null);
            return 0;
        }
        Add(option, name, behind[0]);
        return 1;
    }

    void Add(Option? option, string name, string? value)
    {
        if (option is { ValueType.IsArray: true })
            _options.Add((name, value));
        else
            Set(name, Translate(name, value));
    }

    /// <summary>Values as virtiofsd also takes them.</summary>
    static string? Translate(string name, string? value) => (name, value) switch
    {
        ("--inode-file-handles", "fallback") => "prefer",
        (LogLevel, not null) => value.ToLowerInvariant(),
        _ => value,
    };

    void Set(string name, string? value)
    {
        Remove(name);
        foreach (var (set, unset) in SharingOptions.Opposites)
        {
            if (name == set || name == unset)
                Remove(name == set ? unset : set);
        }
        _options.Add((name, value));
    }

    void Remove(string name) => _options.RemoveAll(option => option.Name == name);
}
