using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VirtioFsStore.Daemon.Api;

/// <summary>What a request is answered with: a status, and a JSON document unless that is 204.</summary>
readonly record struct ApiAnswer(int Status, byte[]? Body)
{
    /// <summary>Done. Kata takes nothing but 204 for it.</summary>
    public static ApiAnswer Done => new(204, null);

    public static ApiAnswer Of<T>(T document, JsonTypeInfo<T> form) => new(200, JsonSerializer.SerializeToUtf8Bytes(document, form));

    public static ApiAnswer Error(int status, string message) =>
        new(status, JsonSerializer.SerializeToUtf8Bytes(new ErrorDocument("UNDEFINED", message), ApiJson.Plain.ErrorDocument));
}
