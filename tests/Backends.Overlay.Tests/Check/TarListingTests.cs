using VirtioFsStore.Backends.Overlay.Check;
using VirtioFsStore.Backends.Overlay.Oci;
using Xunit;

namespace VirtioFsStore.Backends.Overlay.Tests.Check;

public sealed class TarListingTests
{
    [Fact]
    public void Names_are_taken_out_of_their_escapes_and_types_from_the_details()
    {
        var members = TarListing.Parse(
            "./\n./a\\nb/\nlatin\\351\\\\\nd//e\n"u8, "drwxr-xr-x 0/0 0 1970-01-01 00:00 ./\nd… \n-… \nh… \n"u8);
        Assert.Equal(["", "a\nb", "latin\xe9\\", "d/e"], members.Select(member => System.Text.Encoding.Latin1.GetString(member.Path)));
        Assert.Equal("dd-h", string.Concat(members.Select(member => member.Type)));
        Assert.Equal(("d", "e"), (System.Text.Encoding.Latin1.GetString(members[3].Parent), System.Text.Encoding.Latin1.GetString(members[3].Last)));
    }

    [Fact]
    public void Listings_of_different_lengths_are_refused() =>
        Assert.Throws<ImageException>(() => TarListing.Parse("a\nb\n"u8, "-a\n"u8));
}
