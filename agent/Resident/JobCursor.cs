using System.Globalization;
using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core;

namespace Holdfast.Agent.Resident;

/// <summary>
/// Which job comes next, and whether it was started: one small file, replaced as a whole. A job that was marked started when the agent begins to live was
/// cut off by a crash; its attempt is never gone on with, since what it stored cannot be told from what it was about to.
/// </summary>
internal sealed class JobCursor
{
    private const string FileName = "jobs";
    private const int MaxBytes = 4096;

    private readonly StateFolder _state;

    /// <summary>As it was left.</summary>
    /// <exception cref="ConfigurationException">The file is damaged.</exception>
    public JobCursor(StateFolder state)
    {
        _state = state;
        if (state.Read(FileName, MaxBytes) is not { } bytes) return;
        var lines = Encoding.UTF8.GetString(bytes).Split('\n');
        if (lines is not [var next, var started, ""] || !long.TryParse(next, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new ConfigurationException($"{state.FileName(FileName)} is damaged: expected the number of the next job and the job that was started",
                "write the number of the next job that the control plane will send into it, and an empty line: \"N\\n\\n\"");
        (Next, Started) = (number, started.Length == 0 ? null : StartedJob.Parse(started, state.FileName(FileName)));
    }

    /// <summary>The number of the first job that is not done.</summary>
    public long Next { get; private set; }

    /// <summary>That job, if it was started.</summary>
    public StartedJob? Started { get; private set; }

    /// <summary>The job is about to be started.</summary>
    public void Start(StartedJob job) => Write(Next, job);

    /// <summary>The next job is done, and its end reported.</summary>
    public void Finish() => Write(Next + 1, null);

    private void Write(long next, StartedJob? started)
    {
        _state.Write(FileName, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{next}\n{started}\n")));
        (Next, Started) = (next, started);
    }
}

/// <summary>What is remembered of a job that was started.</summary>
/// <param name="Id">What reports answer to; without line breaks and tabs.</param>
/// <param name="Attempt">Where a backup's attempt stores: the name of its last blob; empty for other kinds.</param>
internal sealed record StartedJob(string Id, string Attempt)
{
    /// <summary>Reads the text form.</summary>
    public static StartedJob Parse(string text, string source) => text.Split('\t') is [var id, var attempt]
        ? new StartedJob(id, attempt) : throw new ConfigurationException($"{source} is damaged: it names a started job as \"{text}\"", "remove its second line's text");

    /// <inheritdoc/>
    public override string ToString() => $"{Id}\t{Attempt}";
}
