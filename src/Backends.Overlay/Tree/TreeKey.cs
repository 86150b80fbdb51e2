using System.Buffers.Binary;
using System.Security.Cryptography;
using VirtioFsStore.Backends.Overlay.Layers;
using VirtioFsStore.Backends.Overlay.Merge;

namespace VirtioFsStore.Backends.Overlay.Tree;

/// <summary>Names a tree by all that decides its bytes: the layers in order, by what describes them, and the versions of the layer index, of
/// the merge policy and of the tree format.</summary>
sealed class TreeKey
{
    readonly Sha256Value _value;

    public TreeKey(IReadOnlyList<LayerIdentity> layers)
    {
        Layers = layers;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> versions = stackalloc byte[12];
        BinaryPrimitives.WriteInt32LittleEndian(versions, LayerSchema.Version);
        BinaryPrimitives.WriteInt32LittleEndian(versions[4..], MergePolicy.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(versions[8..], TreeFormat.Version);
        hash.AppendData(versions);
        foreach (var layer in layers)
            hash.AppendData(System.Text.Encoding.ASCII.GetBytes(layer + "\n"));
        _value = Sha256Value.From(hash.GetHashAndReset());
    }

    /// <summary>The lowest layer first.</summary>
    public IReadOnlyList<LayerIdentity> Layers { get; }

    public Sha256Value Value => _value;

    /// <summary>64 hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_value);

    /// <summary>The key of the hash of names: the images' authors cannot foresee it while they choose the names.</summary>
    public NameHash ToNameHash()
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(_value, hash);
        return new NameHash(BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[8..]));
    }
}
