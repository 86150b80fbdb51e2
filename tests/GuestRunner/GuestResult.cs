using System.Text;

namespace VirtioFsStore.GuestRunner;

/// <summary>How a guest ended.</summary>
/// <param name="Status">The script's exit status; null if the guest ended without one.</param>
/// <param name="TimedOut">The guest was killed at <see cref="GuestOptions.Timeout"/>.</param>
/// <param name="Output">What the script wrote.</param>
/// <param name="Console">The kernel's messages on the serial console.</param>
/// <param name="QemuMessages">What QEMU wrote on standard error.</param>
/// <param name="Elapsed">From the start of QEMU to its end.</param>
public sealed record GuestResult(
    int? Status, bool TimedOut, string Output, string Console, string QemuMessages, TimeSpan Elapsed)
{
    const int ShownConsole = 3000;

    /// <summary>What a person needs to see why the guest failed.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        text.AppendLine(TimedOut ? $"The guest was killed after {Elapsed.TotalSeconds:F0} s."
            : Status is { } status ? $"The guest's script ended with status {status}."
            : "The guest ended without a status.");
        Append("qemu", QemuMessages);
        Append("console", Console.Length > ShownConsole ? Console[^ShownConsole..] : Console);
        Append("output", Output);
        return text.ToString();

        void Append(string title, string body)
        {
            if (body.Length > 0)
            {
                text.AppendLine($"[{title}]").AppendLine(body.TrimEnd());
            }
        }
    }
}
