using Spectre.Console;

namespace Compare.Output;

/// <summary>Shows how far the run is, on standard error and only where somebody watches.</summary>
internal static class ProgressReporter
{
    /// <summary>Runs the work with a progress bar, or without where standard error is not a terminal.</summary>
    /// <typeparam name="T">What the work gives.</typeparam>
    /// <param name="steps">How many steps the work has.</param>
    /// <param name="work">The work; it calls its argument before each step with the step's name.</param>
    public static async Task<T> RunAsync<T>(int steps, Func<Action<string>, Task<T>> work)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (Console.IsErrorRedirected || !console.Profile.Capabilities.Interactive)
        {
            return await work(_ => { });
        }

        return await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("starting", maxValue: steps);
                var begun = false;
                return await work(name =>
                {
                    if (begun)
                    {
                        task.Increment(1);
                    }

                    begun = true;
                    task.Description = Markup.Escape(name);
                });
            });
    }
}
