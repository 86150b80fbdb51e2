using System.Globalization;
using System.Text;
using VirtioFsStore.Fuzz;

// virtiofs-fuzz --state FILE --seconds N --seed S TARGET...: what eng/fuzz calls. Exit code 1: something was found.
var state = "";
var seconds = 60;
var seed = 1;
var names = new List<string>();
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--state": state = args[++i]; break;
        case "--seconds": seconds = int.Parse(args[++i], CultureInfo.InvariantCulture); break;
        case "--seed": seed = int.Parse(args[++i], CultureInfo.InvariantCulture); break;
        case "--list":
            foreach (var name in FuzzTargets.Names)
            {
                using var target = FuzzTargets.Create(name)!;
                Console.WriteLine($"  {name,-16} {target.Description}");
            }
            return 0;
        default: names.Add(args[i]); break;
    }
}

using var last = state.Length == 0 ? null : File.OpenHandle(state, FileMode.Create, FileAccess.Write);
foreach (var name in names.Count > 0 ? names : FuzzTargets.Names)
{
    using var target = FuzzTargets.Create(name);
    if (target is null)
    {
        Console.Error.WriteLine($"there is no target '{name}'; there are: {string.Join(", ", FuzzTargets.Names)}");
        return 2;
    }
    // A process that dies, or hangs and is killed, has told here what it was doing.
    var run = new FuzzRun(target) { Starting = one => { if (last is not null) RandomAccess.Write(last, Encoding.ASCII.GetBytes($"{name} --seed {one,-11}\n"), 0); } };
    try
    {
        run.Run(seed, seconds == 0 ? 1 : int.MaxValue, TimeSpan.FromSeconds(seconds));
        Console.WriteLine($"{name}: {run.Iterations} iterations from seed {seed} to {run.Seed}, nothing found");
    }
    catch (FuzzException failure)
    {
        Console.WriteLine($"{name}: found after {run.Iterations} iterations; again with: eng/fuzz {name} --seconds 0 --seed {run.Seed}");
        Console.WriteLine(failure.Message);
        return 1;
    }
}
return 0;
