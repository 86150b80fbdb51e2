using System.Text.Json;

namespace VirtioFsStore.Daemon.Tests.Nydus;

sealed record ApiResponse(int Status, string Body)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    /// <summary>The message of an error in nydusd's form.</summary>
    public string Message
    {
        get
        {
            if (Json.EnumerateObject().Select(property => property.Name).SequenceEqual(["code", "message"]) && Json.GetProperty("code").GetString() == "UNDEFINED")
                return Json.GetProperty("message").GetString()!;
            throw new InvalidOperationException($"'{Body}' is not nydusd's error.");
        }
    }
}
