using System.CommandLine;
using System.Globalization;

namespace VirtioFsStore.Daemon.Commands;

/// <summary>Options that take one of a few words, or a number; what does not fit is named in the error.</summary>
static class Choices
{
    /// <summary>An option that takes a number from <paramref name="least"/> to <paramref name="most"/>; null where it was not given and has no default.</summary>
    public static Option<int?> CreateNumber(string name, string description, int least, int most, int? @default = null) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => @default,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
                return number;
            result.AddError($"{name} takes a number from {least} to {most}, got '{text}'");
            return null;
        },
    };

    public static Option<string> Create(string name, string description, string @default, params string[] values)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            DefaultValueFactory = _ => @default,
            HelpName = string.Join('|', values),
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!values.Contains(token.Value, StringComparer.Ordinal))
                    result.AddError($"{name} takes one of {string.Join(", ", values)}; got '{token.Value}'");
            }
        });
        option.CompletionSources.Add(values);
        return option;
    }
}
