using System.Runtime.InteropServices;
using VirtioFsStore.Core.Interop;
using Xunit;

namespace VirtioFsStore.Core.Tests.Interop;

public sealed unsafe partial class ProgramPagesTests
{
    const int PROT_EXEC = 4;

    [Fact]
    public void Code_is_let_go_of_and_comes_back()
    {
        var released = ProgramPages.Release();

        Assert.True(released > 1 << 20);
        Assert.Equal(0xE3B0C442u, Convert.ToUInt32(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData([]))[..8], 16));
    }

    [Fact]
    public void A_page_that_was_written_is_kept()
    {
        var size = (nuint)Environment.SystemPageSize;
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[size]);
        using var file = File.OpenHandle(path);
        File.Delete(path);
        Assert.Equal(0, MemoryMaps.Map(size, MemoryMaps.PROT_READ | MemoryMaps.PROT_WRITE, MemoryMaps.MAP_PRIVATE, (int)file.DangerousGetHandle(), 0, out var page));
        *page = 0x5A;
        Assert.Equal(0, mprotect(page, size, MemoryMaps.PROT_READ | PROT_EXEC));

        ProgramPages.Release();

        Assert.Equal(0x5A, *page);
        Assert.Equal(0, MemoryMaps.Unmap(page, size));
    }

    [LibraryImport("libc")]
    private static partial int mprotect(byte* address, nuint length, int protection);
}
