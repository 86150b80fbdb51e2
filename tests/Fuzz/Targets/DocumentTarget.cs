using System.Text;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Fuzz.Images;

namespace VirtioFsStore.Fuzz.Targets;

/// <summary>Index, manifest and configuration of a hostile image: refused in one line, or read.</summary>
public sealed class DocumentTarget : FuzzTarget
{
    const int DocumentsPerRun = 50;

    const string Sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    static readonly string[] s_documents =
    [
        $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{{{Sha}}}","size":7,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}""",
        $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{Sha}}}","size":7},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{{{Sha}}}","size":7}]}""",
        $$$"""{"architecture":"amd64","os":"linux","created":"2026-01-01T00:00:00Z","config":{"Env":["A=b"],"Cmd":["/bin/sh"],"Entrypoint":["/e"],"WorkingDir":"/","User":"1"},"rootfs":{"type":"layers","diff_ids":["{{{Sha}}}"]}}""",
    ];

    /// <summary>What stands in for a piece of a document.</summary>
    static readonly string[] s_pieces =
    [
        "null", "true", "{}", "[]", "\"\"", "0", "-1", "1e400", "18446744073709551616", "0.5", "\"\\u0000\"", "\"\\ud800\"", "\"\\u202e\"", "\"sha256:\"",
        "\"schemaVersion\":2,", "\"layers\":[],", "\"Layers\":[],", "\"manifests\":[],", "\"config\":{},", "\"digest\":\"sha256:00\",", "\"size\":-5,", "/*", "//", "\xff",
        "{\"a\":" , "[[[[", "]", "}", ",", ":", "\"",
    ];

    public override string Name => "documents";

    public override string Description => "index, manifest and configuration documents";

    public override int ShortRun => 60;

    public override void Run(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < DocumentsPerRun; i++)
            ReadOne(random);
    }

    static void ReadOne(Random random)
    {
        var kind = random.Next(s_documents.Length);
        var json = Bend(random, s_documents[random.Next(10) == 0 ? random.Next(s_documents.Length) : kind]);
        try
        {
            switch (kind)
            {
                case 0:
                    _ = ImageDocuments.ReadIndex("index", random.Next(2) == 0 ? null : MediaTypes.Index, json);
                    break;
                case 1:
                    _ = ImageDocuments.ReadManifest("manifest", MediaTypes.Manifest, json);
                    break;
                default:
                    _ = ImageDocuments.ReadConfig("configuration", json);
                    break;
            }
        }
        catch (ImageException refused)
        {
            Require(!refused.Message.Contains('\n') && refused.Message.Length < 1000, $"a refusal is not one line: {refused.Message}");
        }
    }

    static byte[] Bend(Random random, string document)
    {
        var text = document;
        for (var i = random.Next(5); i > 0; i--)
        {
            var at = random.Next(text.Length + 1);
            var end = Math.Min(text.Length, at + (random.Next(2) == 0 ? 0 : random.Next(30)));
            var piece = random.Next(6) switch
            {
                0 => new string("[{"[random.Next(2)], random.Next(300)),
                1 => text[random.Next(text.Length)..],
                _ => s_pieces[random.Next(s_pieces.Length)],
            };
            // A value in whole, more often than a place by chance.
            if (random.Next(3) != 0 && text.IndexOf(':', at) is >= 0 and var colon)
                (at, end) = (colon + 1, random.Next(2) == 0 ? colon + 1 : Math.Max(colon + 1, text.IndexOfAny([',', '}'], colon)));
            text = text[..at] + piece + text[end..];
            if (text.Length > 20_000)
                text = text[..20_000];
        }
        var bytes = Encoding.Latin1.GetBytes(text);
        return random.Next(4) == 0 ? Damage.Of(random, bytes) : bytes;
    }
}
