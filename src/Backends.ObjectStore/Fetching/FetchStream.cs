namespace VirtioFsStore.Backends.ObjectStore.Fetching;

/// <summary>What one reader of a layer has missed of late, from which the keeper tells reading ahead from jumping about. A reader reads
/// several files at once, so some sequences are told apart. One for each server and layer; whoever has none reads nothing ahead. Its members
/// are the fetcher's.</summary>
public sealed class FetchStream
{
    /// <summary>As many files as a guest reads through at once; the one that rested longest makes way.</summary>
    const int MaxSequences = 8;

    readonly List<FetchSequence> _sequences = [];

    /// <summary>The sequence that a miss goes on with, now the most recent one; null for a jump.</summary>
    internal FetchSequence? Find(SpanTable spans, long piece)
    {
        var span = spans.SpanOf(piece);
        for (var i = _sequences.Count - 1; i >= 0; i--)
        {
            var sequence = _sequences[i];
            if (!sequence.GoesOnWith(spans, piece, span)) continue;
            _sequences.RemoveAt(i);
            _sequences.Add(sequence);
            return sequence;
        }

        return null;
    }

    internal FetchSequence Begin()
    {
        if (_sequences.Count == MaxSequences) _sequences.RemoveAt(0);
        var sequence = new FetchSequence();
        _sequences.Add(sequence);
        return sequence;
    }
}
