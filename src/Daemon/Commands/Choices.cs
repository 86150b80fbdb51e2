using System.CommandLine;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>Options that take one of a few words.</summary>
static class Choices
{
    public static Option<string> Create(string name, string description, string @default, params string[] values)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            DefaultValueFactory = _ => @default,
            HelpName = string.Join('|', values),
        };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
