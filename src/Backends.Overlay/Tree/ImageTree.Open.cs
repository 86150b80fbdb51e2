using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using VirtioFsStore.Backends.ObjectStore.Sources;
using VirtioFsStore.Backends.Overlay.Merge;
using VirtioFsStore.Backends.Overlay.Oci;
using VirtioFsStore.Core.Interop;

namespace VirtioFsStore.Backends.Overlay.Tree;

sealed unsafe partial class ImageTree
{
    /// <summary>Maps a tree file. The descriptor is not needed afterwards.</summary>
    /// <param name="fd">Open for reading.</param>
    /// <param name="name">For messages: where it lies.</param>
    /// <param name="key">What it must have been made from.</param>
    /// <param name="verify">Read the whole file once and compare its digest.</param>
    /// <exception cref="ImageException">It is not such a tree, or it is damaged.</exception>
    public static ImageTree Open(int fd, string name, TreeKey key, bool verify)
    {
        SystemCallException.ThrowIfError(FileShape.OfDescriptor(fd, out var shape), "statx", name);
        if (!shape.IsRegular || shape.Size < TreeFormat.HeaderSize)
            Refuse(name, $"it has {shape.Size} bytes, too few for a tree");
        var size = (nuint)shape.Size;
        SystemCallException.ThrowIfError(
            MemoryMaps.Map(size, MemoryMaps.PROT_READ, MemoryMaps.MAP_SHARED, fd, 0, out var start), "mmap", name);
        try
        {
            var header = *(TreeHeader*)start;
            Check(header, size, name, key);
            if (verify)
                Verify(start, size, header, name);
            var layers = ReadLayers(start + header.Sections[(int)TreeSectionKind.Layers].Offset, header.LayerCount, name);
            return new ImageTree(start, size, header, layers);
        }
        catch
        {
            _ = MemoryMaps.Unmap(start, size);
            throw;
        }
    }

    static void Check(in TreeHeader header, nuint size, string name, TreeKey key)
    {
        if (header.Magic != TreeFormat.Magic)
            Refuse(name, "it does not begin as a tree does");
        if (header.Version != TreeFormat.Version || header.MergePolicy != MergePolicy.Version)
            Refuse(name, $"it has format {header.Version}.{header.MergePolicy}, this program reads {TreeFormat.Version}.{MergePolicy.Version}");
        if (header.FileSize != size)
            Refuse(name, $"it has {size} bytes and should have {header.FileSize}");
        if (!header.Key.SequenceEqual(key.Value))
            Refuse(name, "it was made from other layers");
        if (header.InodeCount == 0 || !BitOperations.IsPow2(header.SlotCount) || header.LayerCount != key.Layers.Count)
            Refuse(name, "its counts are impossible");
        // From here on only this copy of the header is used.
        for (var i = 0; i < TreeFormat.SectionCount; i++)
        {
            var section = header.Sections[i];
            var wanted = (TreeSectionKind)i switch
            {
                TreeSectionKind.Layers => (ulong)header.LayerCount * (ulong)Unsafe.SizeOf<LayerRecord>(),
                TreeSectionKind.Inodes => (ulong)header.InodeCount * (ulong)Unsafe.SizeOf<InodeRecord>(),
                TreeSectionKind.Slots => (ulong)header.SlotCount * (ulong)Unsafe.SizeOf<SlotRecord>(),
                TreeSectionKind.Entries => (ulong)header.EntryCount * (ulong)Unsafe.SizeOf<EntryRecord>(),
                TreeSectionKind.Maps => Math.Min(section.Length, int.MaxValue),
                _ => section.Length,
            };
            if (section.Length != wanted || section.Offset % TreeFormat.Alignment != 0 ||
                section.Offset < TreeFormat.HeaderSize || section.Offset > size || section.Length > size - section.Offset)
                Refuse(name, $"its section {(TreeSectionKind)i} ({section.Length} bytes at {section.Offset}) is impossible");
        }
    }

    static void Verify(byte* start, nuint size, TreeHeader header, string name)
    {
        var expected = header.Digest;
        header.Digest = default;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(new ReadOnlySpan<byte>(&header, sizeof(TreeHeader)));
        const nuint step = 1 << 24;
        for (var at = (nuint)sizeof(TreeHeader); at < size; at += step)
            hash.AppendData(new ReadOnlySpan<byte>(start + at, (int)Math.Min(step, size - at)));
        if (!Sha256Value.From(hash.GetHashAndReset()).SequenceEqual(expected))
            Refuse(name, "its bytes do not have the digest that it names");
    }

    static TreeLayer[] ReadLayers(byte* records, uint count, string name)
    {
        var layers = new TreeLayer[count];
        for (var i = 0; i < count; i++)
        {
            var record = ((LayerRecord*)records)[i];
            var algorithm = record.DigestLength switch { 32 => "sha256", 64 => "sha512", _ => null };
            if (algorithm is null || record.DataSize > long.MaxValue || record.PieceCount > long.MaxValue)
                Refuse(name, $"its record of layer {i + 1} is impossible");
            layers[i] = new TreeLayer(
                Digest.FromHash(algorithm, ((ReadOnlySpan<byte>)record.Digest)[..(int)record.DigestLength]),
                (long)record.DataSize, (long)record.PieceCount);
        }

        return layers;
    }

    [DoesNotReturn]
    static void Refuse(string name, string why) =>
        throw new ImageException($"the tree {name} cannot be used: {why}; delete it and it is built again");
}
