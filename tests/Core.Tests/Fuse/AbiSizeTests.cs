using System.Runtime.CompilerServices;
using VirtioFsStore.Core.Fuse.Abi;
using Xunit;

namespace VirtioFsStore.Core.Tests.Fuse;

/// <summary>The wire structs have the sizes of linux/fuse.h.</summary>
public sealed class AbiSizeTests
{
    public static TheoryData<string, int, int> Structs => new()
    {
        { nameof(InHeader), Unsafe.SizeOf<InHeader>(), 40 },
        { nameof(OutHeader), Unsafe.SizeOf<OutHeader>(), 16 },
        { nameof(Attr), Unsafe.SizeOf<Attr>(), 88 },
        { nameof(EntryOut), Unsafe.SizeOf<EntryOut>(), 128 },
        { nameof(ForgetIn), Unsafe.SizeOf<ForgetIn>(), 8 },
        { nameof(ForgetOne), Unsafe.SizeOf<ForgetOne>(), 16 },
        { nameof(BatchForgetIn), Unsafe.SizeOf<BatchForgetIn>(), 8 },
        { nameof(GetAttrIn), Unsafe.SizeOf<GetAttrIn>(), 16 },
        { nameof(AttrOut), Unsafe.SizeOf<AttrOut>(), 104 },
        { nameof(MknodIn), Unsafe.SizeOf<MknodIn>(), 16 },
        { nameof(MkdirIn), Unsafe.SizeOf<MkdirIn>(), 8 },
        { nameof(RenameIn), Unsafe.SizeOf<RenameIn>(), 8 },
        { nameof(Rename2In), Unsafe.SizeOf<Rename2In>(), 16 },
        { nameof(LinkIn), Unsafe.SizeOf<LinkIn>(), 8 },
        { nameof(SetAttrIn), Unsafe.SizeOf<SetAttrIn>(), 88 },
        { nameof(OpenIn), Unsafe.SizeOf<OpenIn>(), 8 },
        { nameof(CreateIn), Unsafe.SizeOf<CreateIn>(), 16 },
        { nameof(OpenOut), Unsafe.SizeOf<OpenOut>(), 16 },
        { nameof(CreateOut), Unsafe.SizeOf<CreateOut>(), 144 },
        { nameof(ReleaseIn), Unsafe.SizeOf<ReleaseIn>(), 24 },
        { nameof(FlushIn), Unsafe.SizeOf<FlushIn>(), 24 },
        { nameof(ReadIn), Unsafe.SizeOf<ReadIn>(), 40 },
        { nameof(WriteIn), Unsafe.SizeOf<WriteIn>(), 40 },
        { nameof(WriteOut), Unsafe.SizeOf<WriteOut>(), 8 },
        { nameof(StatfsOut), Unsafe.SizeOf<StatfsOut>(), 80 },
        { nameof(FsyncIn), Unsafe.SizeOf<FsyncIn>(), 16 },
        { nameof(SetXattrInCompat), Unsafe.SizeOf<SetXattrInCompat>(), 8 },
        { nameof(SetXattrIn), Unsafe.SizeOf<SetXattrIn>(), 16 },
        { nameof(GetXattrIn), Unsafe.SizeOf<GetXattrIn>(), 8 },
        { nameof(GetXattrOut), Unsafe.SizeOf<GetXattrOut>(), 8 },
        { nameof(LockIn), Unsafe.SizeOf<LockIn>(), 48 },
        { nameof(LockOut), Unsafe.SizeOf<LockOut>(), 24 },
        { nameof(AccessIn), Unsafe.SizeOf<AccessIn>(), 8 },
        { nameof(InitIn), Unsafe.SizeOf<InitIn>(), 64 },
        { nameof(InitOut), Unsafe.SizeOf<InitOut>(), 64 },
        { nameof(InterruptIn), Unsafe.SizeOf<InterruptIn>(), 8 },
        { nameof(FallocateIn), Unsafe.SizeOf<FallocateIn>(), 32 },
        { nameof(Dirent), Unsafe.SizeOf<Dirent>(), 24 },
        { nameof(DirentPlus), Unsafe.SizeOf<DirentPlus>(), 152 },
        { nameof(LseekIn), Unsafe.SizeOf<LseekIn>(), 24 },
        { nameof(LseekOut), Unsafe.SizeOf<LseekOut>(), 8 },
        { nameof(CopyFileRangeIn), Unsafe.SizeOf<CopyFileRangeIn>(), 56 },
        { nameof(CopyFileRangeOut), Unsafe.SizeOf<CopyFileRangeOut>(), 8 },
        { nameof(SyncfsIn), Unsafe.SizeOf<SyncfsIn>(), 8 },
        { nameof(ExtensionHeader), Unsafe.SizeOf<ExtensionHeader>(), 8 },
        { nameof(SecurityContextHeader), Unsafe.SizeOf<SecurityContextHeader>(), 8 },
        { nameof(StatxIn), Unsafe.SizeOf<StatxIn>(), 24 },
        { nameof(StatxTime), Unsafe.SizeOf<StatxTime>(), 16 },
        { nameof(StatxBody), Unsafe.SizeOf<StatxBody>(), 256 },
        { nameof(StatxOut), Unsafe.SizeOf<StatxOut>(), 288 },
        { nameof(SetupMappingIn), Unsafe.SizeOf<SetupMappingIn>(), 40 },
        { nameof(RemoveMappingIn), Unsafe.SizeOf<RemoveMappingIn>(), 4 },
        { nameof(RemoveMappingOne), Unsafe.SizeOf<RemoveMappingOne>(), 16 },
    };

    [Theory]
    [MemberData(nameof(Structs))]
    public void Wire_struct_has_the_size_of_the_kernel_header(string name, int actual, int expected) => Assert.True(actual == expected, $"{name} has {actual} bytes, linux/fuse.h says {expected}");
}
