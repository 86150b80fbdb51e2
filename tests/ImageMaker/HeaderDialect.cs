namespace VirtioFsStore.ImageMaker;

/// <summary>How a member's header is written. What a dialect cannot say is said by the nearest one that can.</summary>
public enum HeaderDialect
{
    /// <summary>Before POSIX: no magic, a hundred bytes of name.</summary>
    V7,

    /// <summary>POSIX 1988, with a prefix for longer names.</summary>
    Ustar,

    /// <summary>Long names (L) and links (K), numbers in base 256, sparse files in the header.</summary>
    Gnu,

    /// <summary>POSIX 2001; sparse files in GNU's format 0.0.</summary>
    Pax,

    /// <summary>The same with sparse format 0.1.</summary>
    PaxSparse01,

    /// <summary>The same with sparse format 1.0.</summary>
    PaxSparse10,
}
