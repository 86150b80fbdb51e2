namespace VirtioFsStore.RealServers;

/// <summary>A profile of AWS's shared credentials, for tests that use the client in their own process: all of its profiles lie in one file, which
/// AWS_SHARED_CREDENTIALS_FILE names from the first one on.</summary>
public sealed class AwsProfile : IDisposable
{
    static readonly Lock s_lock = new();
    static readonly Dictionary<string, (string AccessKey, string SecretKey)> s_profiles = [];
    static readonly string s_file = Path.Combine(Directory.CreateTempSubdirectory("vfs-aws").FullName, "credentials");

    public AwsProfile(string accessKey = ObjectStoreServer.AccessKey, string secretKey = ObjectStoreServer.SecretKey) => Change(accessKey, secretKey);

    public string Name { get; } = $"test-{Guid.NewGuid():N}";

    public void Change(string accessKey, string secretKey)
    {
        lock (s_lock)
        {
            s_profiles[Name] = (accessKey, secretKey);
            Write();
        }
    }

    public void Dispose()
    {
        lock (s_lock)
        {
            s_profiles.Remove(Name);
            Write();
        }
    }

    static void Write()
    {
        Environment.SetEnvironmentVariable("AWS_SHARED_CREDENTIALS_FILE", s_file);
        var aside = s_file + ".new";
        File.WriteAllLines(aside, s_profiles.Select(profile =>
            $"[{profile.Key}]\naws_access_key_id = {profile.Value.AccessKey}\naws_secret_access_key = {profile.Value.SecretKey}\n"));
        File.Move(aside, s_file, overwrite: true);
    }
}
