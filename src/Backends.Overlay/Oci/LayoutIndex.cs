using System.Buffers;
using System.Text.Json;
using VirtioFsStore.Backends.ObjectStore.Sources;

namespace VirtioFsStore.Backends.Overlay.Oci;

/// <summary>Changes of a layout's index.json. What is not meant stays as it is, byte by byte: other tools have members of their own there.</summary>
static class LayoutIndex
{
    /// <summary>Lists a manifest. Whatever had its tag loses it and stays, since somebody may be reading it.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="index">The document; null for none yet.</param>
    /// <param name="manifest">To be listed.</param>
    /// <param name="tag">Its name, or null.</param>
    /// <param name="contained">What <paramref name="manifest"/> lists itself, if it is an index: without a name, that need not be listed beside it.</param>
    /// <returns>Null where it is so already.</returns>
    public static byte[]? With(string name, byte[]? index, Descriptor manifest, string? tag, IReadOnlySet<Digest> contained)
    {
        var listed = index is null ? [] : ImageDocuments.ReadIndex(name, null, index);
        var own = manifest with { Annotations = Annotations(manifest, tag) };
        // Without a name, it is enough that it is there.
        var isThere = listed.Exists(other => other.Digest == manifest.Digest && (tag is null || other.RefName == tag));
        var kept = listed.Select(other =>
            other.RefName is null ? !contained.Contains(other.Digest) && (isThere || other.Digest != manifest.Digest) : true).ToList();
        var renamed = listed.Select(other => tag is not null && other.RefName == tag && other.Digest != manifest.Digest).ToList();
        return isThere && !kept.Contains(false) && !renamed.Contains(true)
            ? null
            : Write(index, i => kept[i], i => renamed[i], isThere ? null : own);
    }

    /// <summary>Lists no more what <paramref name="removed"/> says.</summary>
    /// <returns>Null where nothing of the kind is listed.</returns>
    public static byte[]? Without(string name, byte[] index, Func<Descriptor, bool> removed)
    {
        var listed = ImageDocuments.ReadIndex(name, null, index);
        return listed.Exists(manifest => removed(manifest)) ? Write(index, i => !removed(listed[i]), _ => false, null) : null;
    }

    static Dictionary<string, string> Annotations(Descriptor manifest, string? tag)
    {
        var annotations = manifest.Annotations.Where(annotation => annotation.Key != Descriptor.RefNameAnnotation).ToDictionary();
        if (tag is not null) annotations[Descriptor.RefNameAnnotation] = tag;
        return annotations;
    }

    static byte[] Write(byte[]? index, Func<int, bool> isKept, Func<int, bool> losesName, Descriptor? added)
    {
        if (index is null) return DescriptorWriter.WriteIndex(added is null ? [] : [added]);
        using var document = JsonDocument.Parse(index);
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.NameEquals("manifests"u8)) WriteManifests(json, member.Value, isKept, losesName, added);
                else member.WriteTo(json);
            }

            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    static void WriteManifests(Utf8JsonWriter json, JsonElement manifests, Func<int, bool> isKept, Func<int, bool> losesName, Descriptor? added)
    {
        json.WriteStartArray("manifests");
        foreach (var (i, manifest) in manifests.EnumerateArray().Index())
        {
            if (!isKept(i)) continue;
            if (losesName(i)) WriteWithoutName(json, manifest);
            else manifest.WriteTo(json);
        }

        if (added is not null) DescriptorWriter.Write(json, added);
        json.WriteEndArray();
    }

    static void WriteWithoutName(Utf8JsonWriter json, JsonElement manifest)
    {
        json.WriteStartObject();
        foreach (var member in manifest.EnumerateObject())
        {
            if (!member.NameEquals("annotations"u8))
            {
                member.WriteTo(json);
                continue;
            }

            json.WriteStartObject("annotations");
            foreach (var annotation in member.Value.EnumerateObject())
                if (!annotation.NameEquals(Descriptor.RefNameAnnotation)) annotation.WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
