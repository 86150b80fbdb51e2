using System.Text;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>
/// The program as mount(8)'s helper for the type virtiofs-store: <c>mount.virtiofs-store SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS]
/// [-t TYPE]</c>, or <c>virtiofs-store mount-helper</c> with the same arguments (mount(8), "External helpers").
/// </summary>
static class MountHelper
{
    /// <summary>Exit codes of mount(8).</summary>
    const int Misuse = 1;
    const int Failed = 32;

    const string ProgramName = "mount.virtiofs-store";
    const string CommandName = "mount-helper";

    /// <summary>The arguments of the helper if this process was started as such, else null.</summary>
    public static string[]? Arguments(string[] arguments)
    {
        if (arguments is [CommandName, .. var rest])
            return rest;
        // The server in the background is this program once more, whatever it is called.
        if (arguments is [_, MountCommand.ReadinessOption, ..])
            return null;
        return InvokedAs().EndsWith(ProgramName, StringComparison.Ordinal) ? arguments : null;
    }

    /// <param name="arguments">Those of the helper.</param>
    /// <param name="mount">Runs <c>virtiofs-store</c> with other arguments.</param>
    public static int Run(string[] arguments, Func<string[], int> mount)
    {
        if (Translate(arguments, out var fake) is not { } translated)
        {
            Console.Error.WriteLine($"usage: {ProgramName} SOURCE DIR [-sfnv] [-o OPTIONS] [-t TYPE]");
            return Misuse;
        }
        return (fake ? 0 : mount(translated)) switch
        {
            0 => 0,
            ProgramCommand.Usage => Misuse,
            _ => Failed,
        };
    }

    /// <summary>The same as arguments of <c>virtiofs-store</c>; null where they make no sense. The flags' only effect here is that of -f: nothing is mounted.</summary>
    internal static string[]? Translate(string[] arguments, out bool fake)
    {
        var words = new List<string>();
        var options = new List<string>();
        fake = false;
        for (var i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "-o" or "-t" when i + 1 == arguments.Length:
                    return null;
                case "-o":
                    options.AddRange("-o", arguments[++i]);
                    break;
                case "-t":
                    i++;
                    break;
                case ['-', _, ..] flags:
                    // -N: mounting into another mount namespace is mount(8)'s to do, which then would have to start the server there.
                    if (flags.AsSpan(1).ContainsAnyExcept("sfnv"))
                        return null;
                    fake |= flags.Contains('f', StringComparison.Ordinal);
                    break;
                case var word:
                    words.Add(word);
                    break;
            }
        }
        return words.Count == 2 ? ["mount", .. options, "--", .. words] : null;
    }

    /// <summary>argv[0], which a link to the program keeps and the runtime does not tell.</summary>
    static string InvokedAs()
    {
        var line = File.ReadAllBytes("/proc/self/cmdline").AsSpan();
        var end = line.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? line : line[..end]);
    }
}
