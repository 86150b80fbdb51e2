using System.CommandLine;
using System.CommandLine.Parsing;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;
using VirtioFsStore.Core.Mounts;
using VirtioFsStore.Daemon.Logging;
using VirtioFsStore.Daemon.Serving;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>The command line as a whole, and what a failure looks like: one line on stderr, and an exit code.</summary>
static class ProgramCommand
{
    /// <summary>What was asked for could not be done.</summary>
    public const int Failed = 1;

    /// <summary>The command line makes no sense (sysexits.h has 64; 2 is what shells and virtiofsd's parser use).</summary>
    public const int Usage = 2;

    public static int Run(string[] arguments) =>
        MountHelper.Arguments(arguments) is { } forHelper ? MountHelper.Run(forHelper, RunCommand) : RunCommand(arguments);

    /// <summary>What a failure is told as, on one line.</summary>
    public static string Describe(Exception exception) => $"virtiofs-store: {PlainText.Of(exception.Message)}";

    /// <summary>What is nobody's defect here: its message is all that there is to say.</summary>
    public static bool IsExpected(Exception exception) =>
        exception is MountException or ImageException or SourceException or SystemCallException or IOException or UnauthorizedAccessException or UsageException;

    static int RunCommand(string[] arguments)
    {
        try
        {
            var root = Create(arguments);
            if (VirtiofsdArguments.IsMeant(arguments))
                arguments = VirtiofsdArguments.Normalise(root, arguments);
            var parsed = Parse(root, arguments);
            return MountCommand.Expand(parsed, arguments) is { } expanded ? Invoke(Parse(root, expanded), expanded) : Invoke(parsed, arguments);
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            Console.Error.WriteLine(Describe(exception));
            return exception is UsageException ? Usage : Failed;
        }
        catch (OperationCanceledException)
        {
            Report("interrupted");
            return Failed;
        }
    }

    static ParseResult Parse(RootCommand root, string[] arguments) => root.Parse(SourceOptions.Complete(arguments), new ParserConfiguration
    {
        // A source may begin with '@'; it is never a file of arguments.
        ResponseFileTokenReplacer = null,
        EnablePosixBundling = false,
    });

    static int Invoke(ParseResult parsed, string[] arguments)
    {
        if (UnknownOption(parsed, arguments) is { } unknown)
        {
            Report($"there is no option '{unknown}' (for a path of that name say ./{unknown})");
            return Hint(parsed);
        }
        if (SwitchWithValue(parsed, arguments) is [var name, var value])
        {
            Report($"{name} takes no value, got '{value}'");
            return Hint(parsed);
        }
        // What the shell's completion gives is a line, and no command.
        var completes = parsed.Tokens is [{ Type: TokenType.Directive }, ..];
        if (!completes && parsed.CommandResult.Command.Subcommands is { Count: > 0 } commands && parsed.UnmatchedTokens is [var word, ..])
        {
            Report($"there is no command '{word}'; there are: {string.Join(", ", commands.Select(command => command.Name))}");
            return Hint(parsed);
        }
        if (parsed.Errors.Count > 0)
        {
            // The parser asks some validators twice.
            foreach (var message in parsed.Errors.Select(error => error.Message.ReplaceLineEndings(" ")).Distinct())
                Report(message);
            return Hint(parsed);
        }
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    /// <summary>
    /// The parser takes an option that it does not know for an argument, wherever one could stand. What is joined to an option by '=' is
    /// its value, whatever it begins with (--modcaps=-mknod).
    /// </summary>
    static string? UnknownOption(ParseResult parsed, string[] arguments) =>
        parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.Length > 1 && token.Value[0] == '-' && arguments.Contains(token.Value))?.Value;

    /// <summary>The parser takes what is joined to a switch, if it is neither true nor false, for an argument, and blames the next.</summary>
    static string[]? SwitchWithValue(ParseResult parsed, string[] arguments) =>
        arguments.TakeWhile(argument => argument != "--")
            .Select(argument => argument.Split('=', 2))
            .FirstOrDefault(parts => parts.Length == 2 && !bool.TryParse(parts[1], out _) && parsed.CommandResult.Command.Options.Any(option => option is Option<bool> && option.Name == parts[0]));

    static int Hint(ParseResult parsed)
    {
        var path = new Stack<string>();
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand } command; at = at.Parent)
            path.Push(command.Command.Name);
        Console.Error.WriteLine($"Try '{string.Join(' ', path.Prepend("virtiofs-store"))} --help'.");
        return Usage;
    }

    static RootCommand Create(string[] arguments)
    {
        var root = new RootCommand("""
            Serves file systems to virtual machines over virtio-fs, and mounts them on this host: a directory, or the layers of an OCI image.

            SOURCE is one of
              PATH                       a directory of this host, read-write
              oci:PATH[:TAG|@DIGEST]     an image in an OCI layout directory, read-only
              docker://HOST/REPO[…]      an image of a registry: what is read of it is fetched
              s3://BUCKET/PREFIX[…]      an image in a bucket, likewise

            Without a command the options are those of virtiofsd 1.14, with its defaults: the program can be given wherever that daemon is asked for.

            Exit codes: 0 done; 1 it could not be done, and a line on stderr says why; 2 the command line makes no sense.
            """);
        VirtiofsdCommand.AddTo(root);
        root.Add(ServeCommand.Create());
        root.Add(NydusdCommand.Create());
        root.Add(MountCommand.Create(arguments));
        root.Add(UmountCommand.Create());
        root.Add(ImageCommand.Create());
        root.Add(KeeperCommand.Create());
        root.Add(CacheCommand.Create());
        return root;
    }

    static void Report(string message) => Console.Error.WriteLine($"virtiofs-store: {PlainText.Of(message)}");
}
