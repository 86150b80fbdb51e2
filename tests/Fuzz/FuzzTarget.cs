namespace VirtioFsStore.Fuzz;

/// <summary>One thing that takes bytes from someone who is not trusted. What is needed by all its iterations is made once.</summary>
public abstract class FuzzTarget : IDisposable
{
    /// <summary>As it is named on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>One line for --help.</summary>
    public abstract string Description { get; }

    /// <summary>Iterations that a test run does: about two seconds of them.</summary>
    public abstract int ShortRun { get; }

    /// <summary>One iteration; all that it draws comes from <paramref name="seed"/>.</summary>
    /// <exception cref="FuzzException">An invariant is broken. Any other exception is a finding too.</exception>
    public abstract void Run(int seed);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    private protected static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new FuzzException(otherwise);
    }
}
