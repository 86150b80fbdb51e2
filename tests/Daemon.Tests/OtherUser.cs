using System.Runtime.ExceptionServices;
using System.Text;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Daemon.Tests;

/// <summary>Runs code on a thread that is another user, which to the kernel is another user's process.</summary>
static class OtherUser
{
    public static void Run(uint user, Action action) => Run(user, () =>
    {
        action();
        return 0;
    });

    public static T Run<T>(uint user, Func<T> action) => Run(user, user, [], 0x12, action);

    public static void Run(uint user, uint umask, Action action) => Run(user, user, [], umask, () =>
    {
        action();
        return 0;
    });

    /// <param name="user">User id.</param>
    /// <param name="group">Group id.</param>
    /// <param name="groups">Supplementary groups.</param>
    /// <param name="umask">Of files it makes.</param>
    /// <param name="action">What to do.</param>
    public static unsafe T Run<T>(uint user, uint group, uint[] groups, uint umask, Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        // A thread of its own: it never gets its privileges back, and ends.
        var thread = new Thread(() =>
        {
            try
            {
                SystemCallException.ThrowIfError(ThreadCredentials.UnshareFileSystemState(), "unshare");
                _ = ThreadCredentials.SetUmask(umask);
                fixed (uint* pointer = groups)
                    SystemCallException.ThrowIfError(ThreadCredentials.SetGroups(pointer, groups.Length), "setgroups");
                SystemCallException.ThrowIfError(ThreadCredentials.SetGroupIds(group, group, group), "setresgid");
                SystemCallException.ThrowIfError(ThreadCredentials.SetUserIds(user, user, user), "setresuid");
                result = action();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>chown(2).</summary>
    public static unsafe int Own(string path, uint user, uint group)
    {
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
            return InodeAttributes.ChangeOwner(Descriptors.AT_FDCWD, bytes, user, group, 0);
    }
}
