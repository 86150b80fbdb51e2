using VirtioFsStore.Backends.ObjectStore.Sources.S3;
using VirtioFsStore.Driver.Hosting;
using Xunit;

namespace VirtioFsStore.Backends.ObjectStore.Tests.Sources.S3;

public sealed class UploadNotesTests : IDisposable
{
    static readonly NotedPart s_part = new("00ff", "\"etag\"");

    readonly TemporaryDirectory _directory = new();
    readonly List<string> _told = [];

    public void Dispose() => _directory.Dispose();

    UploadNotes Open(string folder = "uploads") => new(_directory[folder], "s3.example s3://bucket/key", 8 << 20, _told.Add);

    [Fact]
    public void What_one_push_noted_the_next_one_knows()
    {
        using (var notes = Open())
        {
            Assert.Null(notes.Read());
            notes.Begin("upload");
            notes.Add(1, s_part);
        }

        using var next = Open();
        var (id, parts) = next.Read()!.Value;
        Assert.Equal("upload", id);
        Assert.Equal(s_part, Assert.Single(parts, part => part.Key == 1).Value);
        next.Add(2, s_part);
        Assert.Equal([1, 2], next.Read()!.Value.Parts.Keys.Order());
        Assert.Empty(_told);
    }

    [Fact]
    public void What_is_complete_leaves_no_file()
    {
        using (var notes = Open())
        {
            notes.Begin("upload");
            notes.Forget();
        }

        using (Open())
        {
        }

        Assert.Empty(Directory.GetFiles(_directory["uploads"]));
    }

    [Fact]
    public void Of_two_pushes_at_once_the_second_goes_without_and_says_so()
    {
        using (var first = Open())
        {
            first.Begin("first");
            using var second = Open();
            Assert.Null(second.Read());
            second.Begin("second");
            second.Add(1, s_part);
            second.Forget();
            Assert.Contains("s3://bucket/key is not noted", Assert.Single(_told), StringComparison.Ordinal);
        }

        using var next = Open();
        Assert.Equal("first", next.Read()!.Value.Id);
        Assert.Empty(next.Read()!.Value.Parts);
    }

    [Fact]
    public void Notes_that_cannot_be_written_are_done_without()
    {
        File.WriteAllText(_directory["file"], "");
        using var notes = Open("file/uploads");
        Assert.Null(notes.Read());
        notes.Begin("upload");
        notes.Add(1, s_part);
        notes.Forget();
        Assert.Single(_told);
    }

    [Fact]
    public void A_file_that_cannot_be_removed_at_the_end_is_nobodys_affair()
    {
        using var notes = Open();
        notes.Begin("upload");
        var file = Assert.Single(Directory.GetFiles(_directory["uploads"]));
        File.Delete(file);
        Directory.CreateDirectory(file);
        notes.Forget();
        Assert.Empty(_told);
    }

    [Fact]
    public void A_line_that_a_crash_cut_does_not_count()
    {
        using (var notes = Open())
        {
            notes.Begin("upload");
            notes.Add(1, s_part);
        }

        var file = Assert.Single(Directory.GetFiles(_directory["uploads"]));
        File.AppendAllText(file, "2 00ff \"et");
        using var next = Open();
        Assert.Equal([1], next.Read()!.Value.Parts.Keys);
        next.Add(3, s_part);
        Assert.Equal([1, 3], next.Read()!.Value.Parts.Keys.Order());
    }
}
