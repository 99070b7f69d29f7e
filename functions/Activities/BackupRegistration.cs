using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Activities;

/// <summary>Tells an engine the backup workflow and what it does.</summary>
public static class BackupRegistration
{
    /// <summary>Adds them.</summary>
    public static void Add(WorkflowRegistry registry, ClusterServices services, BackupDesk desk, ReportIntake reports, ILoggerFactory logs) => registry
        .Add(BackupNames.Workflow, new BackupWorkflow(), BackupWorkflow.Version)
        .Add(BackupActivities.ChooseAttempt, new ChooseAttempt(services))
        .Add(BackupActivities.SendJob, new SendJob(services))
        .Add(BackupActivities.CancelJob, new CancelJob(services))
        .Add(BackupActivities.ReadReports, new ReadReports(reports))
        .Add(BackupActivities.CheckArchive, new CheckArchive(services))
        .Add(BackupActivities.BuildManifest, new BuildManifest(services, logs.CreateLogger<BuildManifest>()))
        .Add(BackupActivities.Commit, new CommitBackup(services))
        .Add(BackupActivities.Fail, new FailBackup(desk));
}
