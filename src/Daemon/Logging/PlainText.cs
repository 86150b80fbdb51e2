using System.Globalization;

namespace VirtioFsStore.Daemon.Logging;

/// <summary>Text that may hold what an image brought (tags, platforms, names), for a terminal: no escape sequences, no forged lines.</summary>
static class PlainText
{
    public static string Of(string text) => text.Any(IsUnsafe) ? string.Concat(text.Select(c => IsUnsafe(c) ? '\uFFFD' : c)) : text;

    static bool IsUnsafe(char c) => char.IsControl(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
