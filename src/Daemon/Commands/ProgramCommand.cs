using System.CommandLine;
using System.CommandLine.Parsing;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;
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

    public static int Run(string[] arguments)
    {
        var parsed = Create().Parse(SourceOptions.Complete(arguments), new ParserConfiguration
        {
            // A source may begin with '@'; it is never a file of arguments.
            ResponseFileTokenReplacer = null,
            EnablePosixBundling = false,
        });
        if (UnknownOption(parsed) is { } unknown)
        {
            Report($"there is no option '{unknown}' (for a path of that name say ./{unknown})");
            return Hint(parsed);
        }
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Report(error.Message);
            return Hint(parsed);
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (UsageException exception)
        {
            Report(exception.Message);
            return Usage;
        }
        catch (Exception exception) when (Expected(exception))
        {
            Report(exception.Message);
            return Failed;
        }
        catch (OperationCanceledException)
        {
            Report("interrupted");
            return Failed;
        }
    }

    /// <summary>The parser takes an option that it does not know for an argument, wherever one could stand.</summary>
    static string? UnknownOption(ParseResult parsed) =>
        parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.Length > 1 && token.Value[0] == '-')?.Value;

    static int Hint(ParseResult parsed)
    {
        var path = new Stack<string>();
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: not RootCommand } command; at = at.Parent)
            path.Push(command.Command.Name);
        Console.Error.WriteLine($"Try '{string.Join(' ', path.Prepend("virtiofs-store"))} --help'.");
        return Usage;
    }

    static RootCommand Create()
    {
        var root = new RootCommand("""
            Serves file systems to virtual machines over virtio-fs: a host directory, or the layers of an OCI image.

            SOURCE is one of
              PATH                       a directory of this host, read-write
              oci:PATH[:TAG|@DIGEST]     an image in an OCI layout directory, read-only

            Exit codes: 0 done; 1 it could not be done, and a line on stderr says why; 2 the command line makes no sense.
            """);
        root.Add(ServeCommand.Create());
        root.Add(MountCommand.Create());
        root.Add(ImageCommand.Create());
        return root;
    }

    static bool Expected(Exception exception) =>
        exception is ImageException or SourceException or SystemCallException or IOException or UnauthorizedAccessException;

    static void Report(string message) => Console.Error.WriteLine($"virtiofs-store: {PlainText.Of(message)}");
}
