using System.Text.RegularExpressions;
using Xunit;

namespace VirtioFsStore.Core.Tests.Architecture;

/// <summary>The package's copyright file names what is compiled into the program.</summary>
public sealed partial class CopyrightTests
{
    [Fact]
    public void Every_package_that_is_no_test_s_is_named_with_its_licence()
    {
        var root = ImportRuleTests.Root();
        var copyright = File.ReadAllText(Path.Combine(root, "packaging", "debian", "copyright"));
        var packages = Package().Matches(File.ReadAllText(Path.Combine(root, "Directory.Packages.props")))
            .Select(match => match.Groups["name"].Value)
            .Where(name => !name.StartsWith("xunit", StringComparison.Ordinal) && name != "Microsoft.NET.Test.Sdk")
            .ToList();

        Assert.NotEmpty(packages);
        Assert.DoesNotContain(packages, name => !Regex.IsMatch(copyright, $@"\b{Regex.Escape(name)}\b"));
    }

    [GeneratedRegex("""<PackageVersion Include="(?<name>[^"]+)" """)]
    private static partial Regex Package();
}
