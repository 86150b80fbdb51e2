using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace VirtioFsStore.Backends.ObjectStore.Sources.S3;

/// <summary>What was sent of an upload that is not complete, so that another try goes on with it: a file on this host, a line for each part,
/// appended when the service has it. S3 can list that itself, but not every service can (Ceph's radosgw 20.2 over POSIX finds no upload whose key
/// has a slash, and dies of being asked for parts). One upload at a time has the file, by flock; another of the same object, and one whose notes
/// cannot be written, goes without: a push is worth more than its notes.</summary>
sealed class UploadNotes : IDisposable
{
    readonly string _name;
    readonly Action<string>? _unnoted;
    FileStream? _file;

    /// <param name="folder">Where such files lie; null keeps nothing.</param>
    /// <param name="name">Of the object, with its service.</param>
    /// <param name="partLength">Of all parts but the last, bytes: parts of another length are of no use.</param>
    /// <param name="unnoted">Is told, for a person, that and why nothing is noted; null for nobody.</param>
    public UploadNotes(string? folder, string name, int partLength, Action<string>? unnoted)
    {
        (_name, _unnoted) = (name, unnoted);
        if (folder is null) return;
        Try(() =>
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var path = Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name} {partLength}"))));
            // Sharing with nobody is flock(2) here.
            _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 0);
        });
    }

    /// <summary>Null where there is none.</summary>
    public (string Id, Dictionary<int, NotedPart> Parts)? Read()
    {
        (string, Dictionary<int, NotedPart>)? noted = null;
        Try(() => noted = Parse());
        return noted;
    }

    public void Begin(string id) => Try(() =>
    {
        _file?.SetLength(0);
        Write(id);
    });

    public void Add(int number, NotedPart part) => Try(() => Write(string.Create(CultureInfo.InvariantCulture, $"{number} {part.Hash} {part.ETag}")));

    public void Forget() => Try(() =>
    {
        // Whoever opened it meanwhile, and has it next, finds nothing.
        _file?.SetLength(0);
        Dispose();
    });

    public void Dispose()
    {
        if (_file is not { } file) return;
        _file = null;
        using (file)
        {
            try
            {
                if (file.Length == 0) File.Delete(file.Name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // An empty one that stays says nothing.
            }
        }
    }

    (string, Dictionary<int, NotedPart>)? Parse()
    {
        if (_file is null) return null;
        _file.Seek(0, SeekOrigin.Begin);
        using var reader = new StreamReader(_file, leaveOpen: true);
        var text = reader.ReadToEnd();
        // What follows the last line's end is what a crash left of a line, and not to be the beginning of another.
        text = text[..(text.LastIndexOf('\n') + 1)];
        _file.SetLength(Encoding.UTF8.GetByteCount(text));
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines is not [var id, .. var noted] || id.Length == 0) return null;
        var parts = new Dictionary<int, NotedPart>();
        foreach (var line in noted)
            if (line.Split(' ') is [var number, var hash, var etag] && int.TryParse(number, CultureInfo.InvariantCulture, out var at)) parts[at] = new NotedPart(hash, etag);
        return (id, parts);
    }

    void Write(string line)
    {
        _file?.Seek(0, SeekOrigin.End);
        _file?.Write(Encoding.UTF8.GetBytes(line + "\n"));
    }

    /// <summary>From the first failure on, nothing is noted; what was stays true.</summary>
    void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _file?.Dispose();
            _file = null;
            _unnoted?.Invoke($"what is uploaded of {_name} is not noted, and if that breaks off, the next push sends all of it again: {e.Message}");
        }
    }
}
