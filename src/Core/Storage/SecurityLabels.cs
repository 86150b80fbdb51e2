using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VirtioFsStore.Core.Storage;

/// <summary>
/// The labels that the guest's security modules (SELinux) give to what a request creates: FUSE_SECURITY_CTX. A walk over the request's own
/// bytes, which the dispatcher has checked.
/// </summary>
/// <param name="first">struct fuse_secctx of linux/fuse.h: the value's size in 4 bytes, 4 of padding, the name and its NUL, the value, padding to 8.</param>
/// <param name="count">How many follow each other.</param>
public readonly unsafe struct SecurityLabels(byte* first, int count)
{
    const int HeaderLength = 8;

    public bool IsEmpty => count == 0;

    public Enumerator GetEnumerator() => new(first, count);

    /// <summary>Bytes from one label to the next.</summary>
    public static int RecordLength(int nameLength, int valueLength) => (HeaderLength + nameLength + 1 + valueLength + 7) & ~7;

    public struct Enumerator
    {
        byte* _next;
        int _left;

        internal Enumerator(byte* first, int count)
        {
            _next = first;
            _left = count;
        }

        public SecurityLabel Current { get; private set; }

        public bool MoveNext()
        {
            if (_left == 0)
                return false;
            _left--;
            var length = (int)Unsafe.ReadUnaligned<uint>(_next);
            var name = _next + HeaderLength;
            var nameLength = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name).Length;
            Current = new SecurityLabel(new ByteString(name, nameLength), name + nameLength + 1, length);
            _next += RecordLength(nameLength, length);
            return true;
        }
    }
}
