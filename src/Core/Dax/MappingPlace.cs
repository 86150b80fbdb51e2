using VirtioFsStore.Core.Storage;

namespace VirtioFsStore.Core.Dax;

/// <summary>What a SETUPMAPPING asks for. All in bytes.</summary>
/// <param name="WindowOffset">Where in the window.</param>
/// <param name="FileOffset">From where in the file.</param>
/// <param name="Length">How much.</param>
/// <param name="Access">For what.</param>
readonly record struct MappingPlace(ulong WindowOffset, ulong FileOffset, ulong Length, MapAccess Access);
