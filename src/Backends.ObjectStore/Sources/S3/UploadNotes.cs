using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>What was sent of an upload that is not complete, so that another try goes on with it: a file on this host, a line for each part,
/// appended when the service has it. S3 can list that itself, but not every service can (Ceph's radosgw 20.2 over POSIX finds no upload whose key
/// has a slash, and dies of being asked for parts).</summary>
/// <param name="folder">Where such files lie; null keeps nothing.</param>
/// <param name="name">Of the object, with its service.</param>
/// <param name="partLength">Of all parts but the last, bytes: parts of another length are of no use.</param>
sealed class UploadNotes(string? folder, string name, int partLength)
{
    readonly string? _path = folder is null ? null : Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name} {partLength}"))));

    /// <summary>Null where there is none.</summary>
    public (string Id, Dictionary<int, NotedPart> Parts)? Read()
    {
        if (_path is null || !File.Exists(_path)) return null;
        try
        {
            // What follows the last line's end is what a crash left of a line.
            var text = File.ReadAllText(_path);
            var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
            if (lines is not [var id, .. var noted] || id.Length == 0) return null;
            var parts = new Dictionary<int, NotedPart>();
            foreach (var line in noted)
                if (line.Split(' ') is [var number, var hash, var etag] && int.TryParse(number, CultureInfo.InvariantCulture, out var at)) parts[at] = new NotedPart(hash, etag);
            return (id, parts);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Begin(string id) => Write(id, FileMode.Create);

    public void Add(int number, NotedPart part) => Write(string.Create(CultureInfo.InvariantCulture, $"{number} {part.Hash} {part.ETag}"), FileMode.Append);

    public void Forget()
    {
        if (_path is not null) File.Delete(_path);
    }

    void Write(string line, FileMode mode)
    {
        if (_path is null) return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var file = new FileStream(_path, mode, FileAccess.Write, FileShare.ReadWrite, 0);
            file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"cannot note what was uploaded of {name}: {e.Message}", e);
        }
    }
}
