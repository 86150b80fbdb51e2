using System.Text;
using VirtioFsStore.Backends.Local.Translation;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Local.Tests.Translation;

/// <summary>virtiofsd's language of rules for the names of extended attributes (its doc/xattr-mapping.md).</summary>
public sealed class XattrMapTests
{
    const string Hidden = "-";

    /// <summary>The second example of the documentation, and the same with other separators and without white space.</summary>
    public static TheoryData<string> TrustedMaps => new(
        """
        /prefix/all/trusted./user.virtiofs./
        /bad/server//trusted./
        /bad/client/user.virtiofs.//
        /ok/all///
        """,
        ":prefix:all:trusted.:user.virtiofs.:/bad/server//trusted./+bad+client+user.virtiofs.++|ok|all|||",
        "  /map/trusted./user.virtiofs./  ");

    static string ToHost(string map, string name)
    {
        var host = new byte[256];
        var length = XattrMap.Parse(map).ToHost(Encoding.UTF8.GetBytes(name), host);
        if (length < 0)
            return length.ToErrno().ToString();
        Assert.Equal(0, host[length]);
        return Encoding.UTF8.GetString(host, 0, length);
    }

    static string ToGuest(string map, string name) =>
        XattrMap.Parse(map).TryToGuest(Encoding.UTF8.GetBytes(name), out var stripped) ? name[stripped..] : Hidden;

    [Theory]
    [MemberData(nameof(TrustedMaps))]
    public void Names_with_a_key_are_kept_under_a_prefix_that_is_out_of_reach(string map)
    {
        Assert.Equal("user.virtiofs.trusted.overlay.opaque", ToHost(map, "trusted.overlay.opaque"));
        Assert.Equal("EPERM", ToHost(map, "user.virtiofs.trusted.overlay.opaque"));
        Assert.Equal("user.other", ToHost(map, "user.other"));
        Assert.Equal("trusted.overlay.opaque", ToGuest(map, "user.virtiofs.trusted.overlay.opaque"));
        Assert.Equal(Hidden, ToGuest(map, "trusted.of.the.host"));
        Assert.Equal("security.selinux", ToGuest(map, "security.selinux"));
    }

    [Theory]
    [InlineData(":map::user.virtiofs.:")]
    [InlineData(":prefix:all::user.virtiofs.::bad:all:::")]
    public void All_names_can_be_kept_under_a_prefix(string map)
    {
        Assert.Equal("user.virtiofs.security.selinux", ToHost(map, "security.selinux"));
        Assert.Equal("user.virtiofs.user.virtiofs.x", ToHost(map, "user.virtiofs.x"));
        Assert.Equal("security.selinux", ToGuest(map, "user.virtiofs.security.selinux"));
        Assert.Equal(Hidden, ToGuest(map, "security.selinux"));
        Assert.Equal(Hidden, ToGuest(map, "user.virtiofs."));
    }

    [Theory]
    [InlineData("/bad/all/security./security./ /ok/all///", "security.selinux", "EPERM", Hidden)]
    [InlineData("/unsupported/all/security./security./ /ok/all///", "security.selinux", "EOPNOTSUPP", Hidden)]
    [InlineData("/ok/client/security.// /bad/all///", "security.selinux", "security.selinux", Hidden)]
    [InlineData("/ok/server//security./ /bad/all///", "security.selinux", "EPERM", "security.selinux")]
    [InlineData("/ok/all/user./user./ /bad/all///", "user.a", "user.a", "user.a")]
    [InlineData("/bad/all/user.secret/user.secret/ /ok/all///", "user.public", "user.public", "user.public")]
    [InlineData("/ok/all/// /bad/all///", "security.selinux", "security.selinux", "security.selinux")]
    public void Types_scopes_and_the_first_match(string map, string name, string host, string guest)
    {
        Assert.Equal(host, ToHost(map, name));
        Assert.Equal(guest, ToGuest(map, name));
    }

    [Fact]
    public void What_no_rule_matches_is_as_if_it_were_bad()
    {
        const string Map = ":prefix:all:trusted.:user.virtiofs.:";

        Assert.Equal("EPERM", ToHost(Map, "user.a"));
        Assert.Equal(Hidden, ToGuest(Map, "user.a"));
    }

    [Fact]
    public void A_separator_may_be_any_sign() =>
        Assert.Equal("user.vm.trusted.x", ToHost("→map→trusted.→user.vm.→", "trusted.x"));

    [Fact]
    public void A_name_that_grows_too_long_is_what_the_kernel_says_of_it()
    {
        const string Map = ":map::user.virtiofs.:";

        Assert.Equal(255, ToHost(Map, new string('n', 255 - "user.virtiofs.".Length)).Length);
        Assert.Equal("ERANGE", ToHost(Map, new string('n', 256 - "user.virtiofs.".Length)));
    }

    [Theory]
    [InlineData("", "no rules")]
    [InlineData("  \n ", "no rules")]
    [InlineData(":map:trusted.:user.vm.", "rule 1 is not complete")]
    [InlineData(":prefix:all:trusted.:", "rule 1 is not complete")]
    [InlineData(":ok:all::::bad:all::", "rule 2 is not complete")]
    [InlineData(":allow:all:::", "'allow'")]
    [InlineData(":ok:everyone:::", "'everyone'")]
    [InlineData(":map::user.vm.: :ok:all:::", "rule 1 is a map rule")]
    [InlineData(":ok:client:::/map//user.vm.//map//user.vm./", "rule 2 is a map rule")]
    [InlineData(":map:a\0b:c:", "NUL")]
    public void Rules_that_make_no_sense_are_refused(string map, string reason) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => XattrMap.Parse(map)).Message, StringComparison.Ordinal);
}
