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
    private StartedJob? _last;

    /// <summary>As it was left.</summary>
    /// <exception cref="ConfigurationException">The file is damaged.</exception>
    public JobCursor(StateFolder state)
    {
        _state = state;
        if (state.Read(FileName, MaxBytes) is not { } bytes) return;
        var lines = Encoding.UTF8.GetString(bytes).Split('\n');
        if (lines is not [var next, var started, var last, ""] || !long.TryParse(next, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new ConfigurationException($"{state.FileName(FileName)} is damaged: expected the number of the next job, the job that was started and the last one, a line each",
                "write the number of the next job that the control plane will send into it, and two empty lines");
        (Next, Started, _last) = (number, Read(started), Read(last));
    }

    /// <summary>The number of the first job that is not done.</summary>
    public long Next { get; private set; }

    /// <summary>That job, if it was started.</summary>
    public StartedJob? Started { get; private set; }

    /// <summary>Whether that is the job that was done last: the control plane may send one twice, when the answer to the first was lost.</summary>
    public bool WasLast(StartedJob job) => job == _last;

    /// <summary>The job is about to be started.</summary>
    public void Start(StartedJob job) => Write(Next, job, _last);

    /// <summary>The next job is done, and its end reported.</summary>
    public void Finish() => Write(Next + 1, null, Started ?? _last);

    /// <summary>The jobs before that one will never come.</summary>
    public void SkipTo(long next) => Write(next, null, _last);

    private StartedJob? Read(string line) => line.Length == 0 ? null : StartedJob.Parse(line, _state.FileName(FileName));

    private void Write(long next, StartedJob? started, StartedJob? last)
    {
        _state.Write(FileName, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{next}\n{started}\n{last}\n")));
        (Next, Started, _last) = (next, started, last);
    }
}

/// <summary>What is remembered of a job that was started.</summary>
/// <param name="Id">What reports answer to; without line breaks and tabs.</param>
/// <param name="Attempt">The backup's label and attempt (<see cref="Core.Repository.BackupAttempt"/>).</param>
internal sealed record StartedJob(string Id, string Attempt)
{
    /// <summary>Reads the text form.</summary>
    public static StartedJob Parse(string text, string source) => text.Split('\t') is [var id, var attempt]
        ? new StartedJob(id, attempt) : throw new ConfigurationException($"{source} is damaged: it names a started job as \"{text}\"", "remove its second line's text");

    /// <inheritdoc/>
    public override string ToString() => $"{Id}\t{Attempt}";
}
