namespace VirtioFsStore.Driver.Hosting;

/// <summary>Why a test cannot run here: null where it can, and in CI, where it fails instead.</summary>
public static class TestNeeds
{
    public static string? Root => DevCache.IsCi || Environment.IsPrivilegedProcess ? null : "Needs root: run the tests as root.";

    /// <summary>Of files below the folder for temporary ones.</summary>
    public static string? ImmutableFiles => Root ?? (DevCache.IsCi || new DriveInfo(Path.GetTempPath()).DriveFormat is "ext4" or "ext3" or "ext2" ? null : "Needs ext4 below the folder for temporary files.");
}
