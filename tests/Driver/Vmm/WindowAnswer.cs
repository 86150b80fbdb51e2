namespace VirtioFsStore.Driver.Vmm;

/// <summary>What a VMM does with a request about its window.</summary>
public enum WindowAnswer
{
    /// <summary>What the specification asks.</summary>
    Obey,

    /// <summary>An error, and nothing is done.</summary>
    Refuse,

    /// <summary>It is done, and no answer is sent.</summary>
    Silence,

    /// <summary>The channel is closed.</summary>
    Die,
}
