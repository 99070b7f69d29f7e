namespace Holdfast.Agent.Options;

using Holdfast.Core.KeyVault;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using static Holdfast.Agent.Options.CommandSet;
using static Holdfast.Agent.Options.OptionGroup;

/// <summary>
/// Every option of the agent, one row each. To add one, add a row and name it in <see cref="All"/>: the parser, help, docs/reference.md and the
/// completions follow. How rows are made is in OptionTable.Rows.cs.
/// </summary>
public static partial class OptionTable
{
    // General

    /// <summary>cluster</summary>
    public static readonly OptionRow<string> Cluster = Named("cluster", General, Configured, "the cluster's name in the repository",
        OptionParsers.ClusterName, "2 to 31 lower-case letters, digits and single dashes, starting with a letter", OptionPlaces.Environment | OptionPlaces.Flag,
        "It names the containers ({cluster}-data and so on) and the section of the configuration file. It may be left out when the file has exactly one cluster section.");

    /// <summary>config</summary>
    public static readonly OptionRow<string> Config = Path("config", General, Configured, "the configuration file", "/etc/holdfast/holdfast.conf", "where Debian keeps a service's configuration",
        "Sections [global] and [NAME-OF-CLUSTER]; the cluster's section wins. The default file may be missing, a named one may not.", OptionPlaces.Environment | OptionPlaces.Flag);

    /// <summary>log-level</summary>
    public static readonly OptionRow<LogLevel> LogLevel = Choice<LogLevel>("log-level", General, Configured, "how much is logged to stderr", ["error", "warn", "info", "debug"], "info",
        "one line per segment or file tells what happened; PostgreSQL copies stderr into its own log");

    /// <summary>output</summary>
    public static readonly OptionRow<OutputForm> Output = Choice<OutputForm>("output", General, Init | Register | Check | Adopt | Info | CommandSet.Token | Revoke | Backup | Policy | CommandSet.Version | Restore, "the form of results on stdout", ["text", "json"], "text",
        "people come first; programs can ask");

    /// <summary>yes</summary>
    public static readonly OptionRow<bool> Yes = Boolean("yes", General, Init | Register | Adopt | Revoke | Restore, "do it without asking", "n", "nothing is changed without showing the plan first",
        "For scripts. Without it, and with no terminal to ask on, the command shows its plan and stops.", OptionPlaces.Flag);

    /// <summary>reference</summary>
    public static readonly OptionRow<bool> Reference = Boolean("reference", General, Help, "print the reference of all commands and options, as Markdown", "n", "the overview fits on a screen", "", OptionPlaces.Flag);

    /// <summary>gaps</summary>
    public static readonly OptionRow<bool> Gaps = Boolean("gaps", General, Info, "list what is missing and nothing else; exit 1 if anything is", "n", "the whole picture comes first", "", OptionPlaces.Flag);

    /// <summary>verify</summary>
    public static readonly OptionRow<bool> Verify = Boolean("verify", General, Info, "read every segment's index and prove that each carries on where the one before ends", "n", "one request for each segment",
        "Needs index-private-key-file (or content-private-key-file). Exit 1 when the archive is not whole.", OptionPlaces.Flag);

    /// <summary>strict</summary>
    public static readonly OptionRow<bool> Strict = Boolean("strict", General, Check, "warnings count as failures", "n", "a host that may do too much still archives", "", OptionPlaces.Flag);

    // Repository

    /// <summary>repo-endpoint</summary>
    public static readonly OptionRow<Uri> RepoEndpoint = Url("repo-endpoint", Repository, Storing, "the blob service's address: https://ACCOUNT.blob.core.windows.net",
        "Https; plain http only to this host itself. Left out with repo-auth=connection-string, which carries it. A SAS never belongs in here.");

    /// <summary>repo-queue-endpoint</summary>
    public static readonly OptionRow<Uri> RepoQueueEndpoint = Url("repo-queue-endpoint", Repository, Storing, "the queue service's address, where it cannot be derived from repo-endpoint",
        "Derived by default: .blob. becomes .queue.");

    /// <summary>repo-table-endpoint</summary>
    public static readonly OptionRow<Uri> RepoTableEndpoint = Url("repo-table-endpoint", Repository, Init | ControlPlane, "the table service's address, where it cannot be derived from repo-endpoint",
        "Derived by default: .blob. becomes .table. The control plane keeps its journal there; hosts have no rights on it.");

    /// <summary>repo-account</summary>
    public static readonly OptionRow<string> RepoAccount = Text("repo-account", Repository, Storing, "the storage account's name",
        "Needed with repo-auth=shared-key, and when the address does not start with it.");

    /// <summary>repo-auth</summary>
    public static readonly OptionRow<RepositoryAuthentication> RepoAuth = Choice<RepositoryAuthentication>("repo-auth", Repository, Configured, "how this host proves who it is to the blob service",
        ["connection-string", "shared-key", "sas", "managed", "workload", "service-principal"], "managed", "nothing secret has to be kept on the host",
        "Production uses an identity (managed, workload, service-principal) or one SAS per container. A shared key can overwrite and delete: only init, on an operator's machine, should see one.");

    /// <summary>repo-connection-string</summary>
    public static readonly OptionRow<string> RepoConnectionString = Secret("repo-connection-string", Repository, Storing, "the connection string of the account, for repo-auth=connection-string");

    /// <summary>repo-connection-string-file</summary>
    public static readonly OptionRow<string> RepoConnectionStringFile = FileForm(RepoConnectionString);

    /// <summary>repo-key</summary>
    public static readonly OptionRow<string> RepoKey = Secret("repo-key", Repository, Storing, "the account's key, for repo-auth=shared-key");

    /// <summary>repo-key-file</summary>
    public static readonly OptionRow<string> RepoKeyFile = FileForm(RepoKey);

    /// <summary>repo-sas-data</summary>
    public static readonly OptionRow<string> RepoSasData = Secret("repo-sas-data", Repository, Storing, "the SAS of container {cluster}-data, for repo-auth=sas",
        "A database host's grants create and read, nothing else: check proves it.");

    /// <summary>repo-sas-data-file</summary>
    public static readonly OptionRow<string> RepoSasDataFile = FileForm(RepoSasData);

    /// <summary>repo-sas-log</summary>
    public static readonly OptionRow<string> RepoSasLog = Secret("repo-sas-log", Repository, Storing, "the SAS of container {cluster}-log, for repo-auth=sas", "Read only.");

    /// <summary>repo-sas-log-file</summary>
    public static readonly OptionRow<string> RepoSasLogFile = FileForm(RepoSasLog);

    /// <summary>repo-sas-catalog</summary>
    public static readonly OptionRow<string> RepoSasCatalog = Secret("repo-sas-catalog", Repository, Storing, "the SAS of container {cluster}-catalog, for repo-auth=sas", "Read only.");

    /// <summary>repo-sas-catalog-file</summary>
    public static readonly OptionRow<string> RepoSasCatalogFile = FileForm(RepoSasCatalog);

    /// <summary>repo-sas-work</summary>
    public static readonly OptionRow<string> RepoSasWork = Secret("repo-sas-work", Repository, Storing, "the SAS of container {cluster}-work, for repo-auth=sas");

    /// <summary>repo-sas-work-file</summary>
    public static readonly OptionRow<string> RepoSasWorkFile = FileForm(RepoSasWork);

    /// <summary>repo-sas-queue</summary>
    public static readonly OptionRow<string> RepoSasQueue = Secret("repo-sas-queue", Repository, Storing, "the SAS of queue {cluster}-reports, for repo-auth=sas", "Send only.");

    /// <summary>repo-sas-queue-file</summary>
    public static readonly OptionRow<string> RepoSasQueueFile = FileForm(RepoSasQueue);

    /// <summary>repo-sas-journal</summary>
    public static readonly OptionRow<string> RepoSasJournal = Secret("repo-sas-journal", Repository, ControlPlane, "the SAS of the control plane's journal, a table, for repo-auth=sas", "For the control plane alone.");

    /// <summary>repo-sas-journal-file</summary>
    public static readonly OptionRow<string> RepoSasJournalFile = FileForm(RepoSasJournal);

    /// <summary>repo-client-id</summary>
    public static readonly OptionRow<string> RepoClientId = Text("repo-client-id", Repository, Configured, "the client id of the identity",
        "With managed: a user-assigned identity; left out, the machine's own. With workload and service-principal: the application.");

    /// <summary>repo-tenant-id</summary>
    public static readonly OptionRow<string> RepoTenantId = Text("repo-tenant-id", Repository, Configured, "the Entra tenant of the identity, for workload and service-principal");

    /// <summary>repo-client-secret</summary>
    public static readonly OptionRow<string> RepoClientSecret = Secret("repo-client-secret", Repository, Configured, "the application's secret, for repo-auth=service-principal");

    /// <summary>repo-client-secret-file</summary>
    public static readonly OptionRow<string> RepoClientSecretFile = FileForm(RepoClientSecret);

    /// <summary>repo-client-certificate</summary>
    public static readonly OptionRow<string> RepoClientCertificate = Path("repo-client-certificate", Repository, Configured, "the application's certificate with its key (PEM or PFX), instead of repo-client-secret");

    /// <summary>repo-token-file</summary>
    public static readonly OptionRow<string> RepoTokenFile = Path("repo-token-file", Repository, Configured, "the federated token, for repo-auth=workload");

    /// <summary>repo-authority-host</summary>
    public static readonly OptionRow<Uri> RepoAuthorityHost = Url("repo-authority-host", Repository, Configured, "where tokens come from, for workload and service-principal in another cloud than Azure's public one",
        "https://login.microsoftonline.us for Azure Government, https://login.chinacloudapi.cn for Azure in China, its own address for a disconnected cloud. Left out: AZURE_AUTHORITY_HOST, else the public cloud.");

    /// <summary>repo-ca-file</summary>
    public static readonly OptionRow<string> RepoCaFile = Path("repo-ca-file", Repository, Configured, "certificate authorities (PEM) to trust for repo-endpoint, repo-authority-host and control-plane-url instead of the system's",
        details: "For private endpoints behind an inspecting proxy, and for Azurite.");

    /// <summary>repo-timeout</summary>
    public static readonly OptionRow<TimeSpan> RepoTimeout = Duration("repo-timeout", Repository, Storing, "how long one request may take before it is tried again", "60s", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1),
        "64 MiB in 60 s needs 9 Mbit/s, less than any host that archives WAL should have");

    // PostgreSQL

    /// <summary>pg-path</summary>
    public static readonly OptionRow<string> PgPath = Path("pg-path", PostgreSql, DataDirectory, "the data directory", fallback: "PGDATA", alias: "pgdata",
        details: "Segments given by a relative path, as PostgreSQL's %p is, are looked for in here.");

    /// <summary>pg-socket-path</summary>
    public static readonly OptionRow<string> PgSocketPath = Path("pg-socket-path", PostgreSql, Session, "the folder of the server's Unix socket", "/var/run/postgresql", "Debian's place",
        "Unused when pg-host is given.");

    /// <summary>pg-host</summary>
    public static readonly OptionRow<string> PgHost = Text("pg-host", PostgreSql, Session, "the server's host name, to connect by TCP instead of the Unix socket");

    /// <summary>pg-port</summary>
    public static readonly OptionRow<int> PgPort = Integer("pg-port", PostgreSql, Session, "the server's port, also of its Unix socket", 5432, 1, 65535, "", "PostgreSQL's own default", fallback: "PGPORT");

    /// <summary>pg-user</summary>
    public static readonly OptionRow<string> PgUser = Text("pg-user", PostgreSql, Session, "the role to connect as",
        "Left out: the name of the operating system user, as PostgreSQL's peer authentication expects.", fallback: "PGUSER");

    /// <summary>pg-database</summary>
    public static readonly OptionRow<string> PgDatabase = Text("pg-database", PostgreSql, Session, "the database to connect to", value: "postgres", reason: "initdb makes it", fallback: "PGDATABASE");

    // Keys

    /// <summary>control-plane-key</summary>
    public static readonly OptionRow<PinnedKey> ControlPlaneKey = Key("control-plane-key", Keys, Register | ArchivePush | ArchiveGet | Check | Adopt | Info | CommandSet.Token | Revoke | CommandSet.Agent | Restore, "the control plane's public signing key: the only one whose log counts",
        "THUMBPRINT:POINT, 43 and 86 characters of base64url, as init prints it.");

    /// <summary>content-key-file</summary>
    public static readonly OptionRow<string> ContentKeyFile = Path("content-key-file", Keys, Init | Sealing | ControlPlane, "the public content key (JWK): what this host seals, only a restorer opens",
        details: "init makes one unless it is given here; then the private half stays where it is.");

    /// <summary>escrow-key-file</summary>
    public static readonly OptionRow<string> EscrowKeyFile = Path("escrow-key-file", Keys, Init | Sealing | ControlPlane, "the public escrow key (JWK): a second way to the content, its private half offline");

    /// <summary>index-key-file</summary>
    public static readonly OptionRow<string> IndexKeyFile = Path("index-key-file", Keys, Init | Sealing, "the public index key (JWK): what the control plane must read is sealed to it");

    /// <summary>content-private-key-file</summary>
    public static readonly OptionRow<string> ContentPrivateKeyFile = Path("content-private-key-file", Keys, Restoring | Check | Info, "the private content key (JWK): restorers and archive-reading standbys only");

    /// <summary>index-private-key-file</summary>
    public static readonly OptionRow<string> IndexPrivateKeyFile = Path("index-private-key-file", Keys, Restoring | Check | Info, "the private index key (JWK): restorers and the control plane");

    /// <summary>signing-key-file</summary>
    public static readonly OptionRow<string> SigningKeyFile = Path("signing-key-file", Keys, Deciding | Check, "the control plane's private signing key (JWK), for the embedded control plane");

    /// <summary>content-key</summary>
    public static readonly OptionRow<KeyVaultKeyId> ContentKey = VaultKey("content-key", Init | Restoring | Check | Info | ControlPlane, "the content key in Key Vault, instead of a file: https://VAULT/keys/NAME",
        "A restorer unwraps with it: any version that is enabled opens what was sealed to it. The control plane seals to its newest version, and needs no right but to read it. Database hosts take the public half, as content-key-file. With a version in the address, only that one is used.");

    /// <summary>escrow-key</summary>
    public static readonly OptionRow<KeyVaultKeyId> EscrowKey = VaultKey("escrow-key", Init | Restoring | Check | Info | ControlPlane, "the escrow key in Key Vault, instead of a file: https://VAULT/keys/NAME",
        "In another vault, region and subscription than the content key: it is for the day on which that one is gone. A restorer that has both asks this one when the other does not open an object.");

    /// <summary>index-key</summary>
    public static readonly OptionRow<KeyVaultKeyId> IndexKey = VaultKey("index-key", Init | Restoring | Check | Info | ControlPlane, "the index key in Key Vault, instead of a file: https://VAULT/keys/NAME",
        "The control plane unwraps with it and seals to its newest version. Database hosts take the public half, as index-key-file.");

    /// <summary>signing-key</summary>
    public static readonly OptionRow<KeyVaultKeyId> SigningKey = VaultKey("signing-key", Init | Deciding | Check | ControlPlane, "the control plane's signing key in Key Vault, instead of a file: https://VAULT/keys/NAME",
        "The version whose public half is control-plane-key signs, whatever newer ones there are: hosts have pinned it.");

    /// <summary>key-vault-auth</summary>
    public static readonly OptionRow<KeyVaultAuthentication> KeyVaultAuth = Choice<KeyVaultAuthentication>("key-vault-auth", Keys, Init | Deciding | Restoring | Check | Info | ControlPlane, "how this host proves who it is to Key Vault",
        ["repo", "managed", "workload", "service-principal"], "repo", "one identity is enough, where there is one",
        "repo: as repo-auth says when that is an identity, else managed. The others take what repo-client-id, repo-tenant-id, repo-client-secret, repo-client-certificate, repo-token-file and repo-authority-host say; repo-ca-file counts for vaults, too.");

    /// <summary>equality-key-file</summary>
    public static readonly OptionRow<string> EqualityKeyFile = Path("equality-key-file", Keys, Deciding, "the cluster's equality key, kept by the control plane and given to hosts when they register");

    /// <summary>control-plane-config</summary>
    public static readonly OptionRow<string> ControlPlaneConfig = Path("control-plane-config", Keys, Deciding, "the control plane's configuration file, for the embedded control plane",
        details: "What init wrote as control-plane/holdfast.conf. With it this command decides in the control plane's name; a database host needs it only while no control plane runs elsewhere.");

    /// <summary>control-plane-url</summary>
    public static readonly OptionRow<Uri> ControlPlaneUrl = Url("control-plane-url", Keys, Init | Asking | ControlPlane, "where the control plane listens",
        "init writes http://127.0.0.1:7430 unless told otherwise: the embedded control plane serves this machine only.");

    /// <summary>control-plane-app</summary>
    public static readonly OptionRow<Guid> ControlPlaneApp = Application("control-plane-app", Keys, Init | Asking | ControlPlane, "the application that the control plane in Azure is: its client id",
        "Then the control plane is asked with a token of this host's identity for api://ID, as repo-auth says when that is an identity, else the machine's; control-plane-api-key is not used. The identity needs an app role there: docs/azure.md.");

    /// <summary>control-plane-api-key</summary>
    public static readonly OptionRow<string> ControlPlaneApiKey = Secret("control-plane-api-key", Keys, Asking | ControlPlane, "the key to the control plane's HTTP interface",
        "init makes two: the operator's, in agent/, may register hosts, start backups and look; the admin's, in control-plane/, may also issue tokens, revoke and set the policy.");

    /// <summary>control-plane-api-key-file</summary>
    public static readonly OptionRow<string> ControlPlaneApiKeyFile = FileForm(ControlPlaneApiKey);

    /// <summary>control-plane-operator-key</summary>
    public static readonly OptionRow<string> ControlPlaneOperatorKey = Secret("control-plane-operator-key", Keys, ControlPlane, "the operator's key that the control plane accepts beside its admin's, control-plane-api-key");

    /// <summary>control-plane-operator-key-file</summary>
    public static readonly OptionRow<string> ControlPlaneOperatorKeyFile = FileForm(ControlPlaneOperatorKey);

    /// <summary>sas-days</summary>
    public static readonly OptionRow<int> SasDays = Integer("sas-days", Keys, Init, "how long the SAS tokens that init makes are valid", 365, 1, 3650, "days", "a year is what operators plan renewals in; an identity never expires");

    /// <summary>role</summary>
    public static readonly OptionRow<HostRole> Role = Choice<HostRole>("role", Keys, CommandSet.Token, "what the host that the token registers may do", ["database", "restorer", "drill"], "database", "most hosts run PostgreSQL");

    /// <summary>reason</summary>
    public static readonly OptionRow<string> Reason = Text("reason", Keys, Revoke | Backup,
        "why, for those who read the log later", places: OptionPlaces.Flag);

    /// <summary>enrolment-token</summary>
    public static readonly OptionRow<string> EnrolmentToken = Secret("enrolment-token", Keys, Register | Adopt, "the one-time token that init made for this host");

    /// <summary>new-system</summary>
    public static readonly OptionRow<bool> NewSystem = Boolean("new-system", Keys, Register, "the server begins a history of its own in this cluster", "n",
        "a server with another system identifier than the cluster's is mostly a mistake", "After pg_upgrade or initdb. Backups of before stay restorable.", OptionPlaces.Flag);

    /// <summary>drop-earlier</summary>
    public static readonly OptionRow<bool> DropEarlier = Boolean("drop-earlier", Keys, Adopt, "WAL of before this host's registration that the archive lacks is left out", "n",
        "what is there is stored", "Logged as a cut; archive-push then acknowledges it without storing it, so that PostgreSQL goes on.", OptionPlaces.Flag);

    /// <summary>enrolment-token-file</summary>
    public static readonly OptionRow<string> EnrolmentTokenFile = FileForm(EnrolmentToken);

    // Backups

    /// <summary>type</summary>
    public static readonly OptionRow<BackupType> Type = Choice<BackupType>("type", Backups, Backup, "what the backup builds on", ["full", "diff", "incr"], "full", "the only type that this version takes");

    /// <summary>host</summary>
    public static readonly OptionRow<string> BackupHost = Text("host", Backups, Backup, "the database host that makes it: its name, or its key's thumbprint", "Left out: as the policy says, which is the primary unless it names another.", places: OptionPlaces.Flag);

    /// <summary>detach</summary>
    public static readonly OptionRow<bool> Detach = Boolean("detach", Backups, Backup, "begin it and do not wait", "n", "who waits learns whether it is restorable", "", OptionPlaces.Flag);

    /// <summary>cancel</summary>
    public static readonly OptionRow<BackupName> Cancel = Flag<BackupName>("cancel", Backups, Backup,
        "end the backup of this label instead of beginning one", OptionParsers.Label, "a backup's label such as 20260102-020000F");

    /// <summary>exclude</summary>
    public static readonly OptionRow<ExcludedPaths> Exclude = Lines<ExcludedPaths>(
        "exclude", Backups, CommandSet.Agent | Check, "leave a file or folder out of backups: a path below the data directory",
        ExcludedPaths.TryParse,
        "a path below the data directory without \"..\", such as log/ or core.1234; or an absolute one of a configuration file elsewhere",
        "May be given more than once. A folder is left out with all that is in it; with a slash behind, only what is in it. "
        + "What PostgreSQL needs is refused. The backup remembers what was left out.");

    /// <summary>schedule-full</summary>
    public static readonly OptionRow<string> ScheduleFull = Schedule("schedule-full", "full");

    /// <summary>schedule-diff</summary>
    public static readonly OptionRow<string> ScheduleDiff = Schedule("schedule-diff", "diff");

    /// <summary>schedule-incr</summary>
    public static readonly OptionRow<string> ScheduleIncr = Schedule("schedule-incr", "incr");

    /// <summary>backup-host</summary>
    public static readonly OptionRow<string> PreferredHost = Text("backup-host", Backups, CommandSet.Policy,
        "which database host makes backups where none is named: primary, standby, or a host's name or its key's thumbprint",
        "Who is primary, the hosts' heartbeats say. The primary stands in for a named host that is silent, and for a standby where none is heard, with a warning. It matters where several hosts are registered. A backup of a standby waits until the primary has archived its WAL: set archive_timeout.",
        places: OptionPlaces.Flag);

    /// <summary>kit</summary>
    public static readonly OptionRow<string> Kit = Path("kit", Keys, Restore, "the recovery kit that init wrote, instead of a configuration file",
        details: "It says where the repository is and whose log counts; a credential (HOLDFAST_REPO_… or flags) and content-private-key-file, with the content or the escrow key, complete it.", places: OptionPlaces.Flag);

    // Recovery

    /// <summary>target-time</summary>
    public static readonly OptionRow<PostgresTime> TargetTime = Flag<PostgresTime>("target-time", Recovery, Restore, "recover to this moment", PostgresTimeText.TryParse, PostgresTimeText.Expected,
        "Everything that was committed up to it is there. Without a zone it is UTC.");

    /// <summary>target-xid</summary>
    public static readonly OptionRow<uint> TargetXid = Flag<uint>("target-xid", Recovery, Restore, "recover to the end of this transaction", OptionParsers.Xid, "a transaction's number, as PostgreSQL logs it",
        "Transactions that ended before it are there, whatever their numbers.");

    /// <summary>target-lsn</summary>
    public static readonly OptionRow<Lsn> TargetLsn = Flag<Lsn>("target-lsn", Recovery, Restore, "recover to this WAL position", OptionParsers.Lsn, "an LSN such as 0/2A000028");

    /// <summary>target-name</summary>
    public static readonly OptionRow<string> TargetName = Flag<string>("target-name", Recovery, Restore, "recover to this restore point", OptionParsers.RestorePoint, "the name of a restore point, at most 63 bytes",
        "One that pg_create_restore_point made.");

    /// <summary>target-immediate</summary>
    public static readonly OptionRow<bool> TargetImmediate = Boolean("target-immediate", Recovery, Restore, "stop as soon as the backup is consistent", "n", "most want what came after it, too", "", OptionPlaces.Flag);

    /// <summary>target-exclusive</summary>
    public static readonly OptionRow<bool> TargetExclusive = Boolean("target-exclusive", Recovery, Restore, "stop just before target-time, target-xid or target-lsn", "n", "PostgreSQL's recovery_target_inclusive is on", "", OptionPlaces.Flag);

    /// <summary>target-timeline</summary>
    public static readonly OptionRow<TimelineChoice> TargetTimeline = Flag<TimelineChoice>("target-timeline", Recovery, Restore, "recover along this timeline", OptionParsers.Timeline, "latest, current (the backup's) or a number, hexadecimal with 0x, as in the names of WAL files",
        "", "latest", "PostgreSQL's default");

    /// <summary>target-action</summary>
    public static readonly OptionRow<TargetAction> TargetAction = Choice<TargetAction>("target-action", Recovery, Restore, "what the server does at the target", ["pause", "promote", "shutdown"], "pause",
        "PostgreSQL's default: look first, then SELECT pg_wal_replay_resume()", "Without a target the server takes writes when WAL ends.");

    /// <summary>set</summary>
    public static readonly OptionRow<BackupName> Set = Flag<BackupName>(
        "set", Recovery, Restore | Info, "this backup: restore starts from it, info tells all of it", OptionParsers.Label,
        "a backup's label such as 20260102-020000F");

    /// <summary>tablespace-map</summary>
    public static readonly OptionRow<TablespaceMoves> TablespaceMap = Flag<TablespaceMoves>("tablespace-map", Recovery, Restore, "put a tablespace elsewhere: OLD=NEW", TablespaceMoves.TryParse,
        "OLD=NEW, OLD being the tablespace's path or OID, NEW an absolute path", "May be given more than once. What is not named goes to where it was.", repeatable: true);

    /// <summary>config-path</summary>
    public static readonly OptionRow<string> ConfigPath = Path("config-path", Recovery, Restore, "also put the configuration files that lay outside the data directory into this folder", places: OptionPlaces.Flag,
        details: "For a server whose configuration is in /etc, as on Debian. Nothing is overwritten. Without it they are only in holdfast.outside in the data directory, which gets a configuration that a server starts with.");

    /// <summary>link-all</summary>
    public static readonly OptionRow<bool> LinkAll = Boolean("link-all", Recovery, Restore, "make what was a link in the data directory a link again", "n",
        "a copy with plain folders and files touches nothing else, and works on every host",
        "Each leads to where it led; what it leads to must be empty or missing there. Without it, what a link led to is restored in its place.", OptionPlaces.Flag);

    /// <summary>link-map</summary>
    public static readonly OptionRow<LinkMoves> LinkMap = Flag<LinkMoves>("link-map", Recovery, Restore, "make a folder or file of the data directory a link: LINK=TARGET",
        LinkMoves.TryParse, "LINK=TARGET, LINK being a path below the data directory, TARGET an absolute path",
        "May be given more than once. The target must be empty or missing. Works with and without --link-all, and for what was no link, such as pg_wal.", repeatable: true);

    /// <summary>adopt</summary>
    public static readonly OptionRow<bool> AdoptAfterwards = Boolean("adopt", Recovery, Restore, "leave archive_mode as it was: the restored server shall continue this history", "n",
        "a copy that archives would disturb the original", "Then run, once it takes writes: holdfast adopt.", OptionPlaces.Flag);

    /// <summary>skip-space-check</summary>
    public static readonly OptionRow<bool> SkipSpaceCheck = Boolean("skip-space-check", Recovery, Restore, "try it although a file system has less room than is written to it", "n",
        "a full disk is better found before anything is fetched", "A file system that compresses may hold more than it has free. Interrupted by a full disk, a restore can be run again.", OptionPlaces.Flag);

    /// <summary>dry-run</summary>
    public static readonly OptionRow<bool> DryRun = Boolean("dry-run", Recovery, Restore, "show the plan and change nothing", "n", "the plan is shown anyway, before anything is changed", "", OptionPlaces.Flag);

    // Archiving

    /// <summary>restored-keys</summary>
    public static readonly OptionRow<bool> RestoredKeys = Boolean("restored-keys", Archiving, ArchiveGet, "judge the WAL that a restore planned by the keys it left in the data directory (holdfast.keys)", "n",
        "restore sets it in restore_command: a segment then costs one request", "Other WAL, and signers that the file does not know, are judged by the log, as is everything when the file is missing or not the data directory owner's. "
        + "The data directory is then the one that %p leads into, whatever pg-path says.", OptionPlaces.Flag);

    /// <summary>compress-level</summary>
    public static readonly OptionRow<int> CompressLevel = Integer("compress-level", Archiving, Sealing, "the zstd level", 3, 1, 19, "", "beyond 3, WAL shrinks by some percent and the time doubles");

    /// <summary>archive-timeout</summary>
    public static readonly OptionRow<TimeSpan> ArchiveTimeout = Duration("archive-timeout", Archiving, ArchivePush | Check | Adopt, "how long archive-push tries before PostgreSQL has to call again", "60s", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1),
        "PostgreSQL calls again by itself, and logs each failure: an outage shows in its log within a minute");

    /// <summary>archive-get-timeout</summary>
    public static readonly OptionRow<TimeSpan> ArchiveGetTimeout = Duration("archive-get-timeout", Archiving, ArchiveGet, "how long archive-get tries before it stops the recovery with exit code 126", "10min", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1),
        "longer than the service's usual troubles; a wrong \"there is no more WAL\" would promote early, so a recovery is never told so. A standby asks again by itself: there it is 5 s at most");

    /// <summary>wal-damaged</summary>
    public static readonly OptionRow<DamagedWalPolicy> WalDamaged = Choice<DamagedWalPolicy>("wal-damaged", Archiving, ArchivePush | Check, "what becomes of a segment that is still damaged after three calls", ["store", "hold"], "store",
        "holding it would fill the disk and then stop the server", "store: kept under a name of its own, the cut logged, a full backup asked for, the alarm raised. hold: PostgreSQL keeps it until an operator decides.");

    // Backups

    /// <summary>job-poll</summary>
    public static readonly OptionRow<PollChoice> JobPoll = Poll("job-poll", Host, CommandSet.Agent, "how often the agent looks for a job", "auto",
        "auto: every 50 ms when the store is on this host, else every second after a job and every 5 s at rest", PollChoice.Shortest, PollChoice.Longest);

    /// <summary>heartbeat-interval</summary>
    public static readonly OptionRow<TimeSpan> HeartbeatInterval = Duration("heartbeat-interval", Host, CommandSet.Agent, "how often the agent says that the host is well", "30s", TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1),
        "two fit into the minute in which the control plane looks at every cluster");

    /// <summary>backup-store-timeout</summary>
    public static readonly OptionRow<TimeSpan> BackupStoreTimeout = Duration("backup-store-timeout", Host, CommandSet.Agent, "how long a backup waits for a store that does not take a blob before it gives up", "10min", TimeSpan.FromSeconds(1), TimeSpan.FromDays(1),
        "an attempt of hours is worth more patience than a segment, which PostgreSQL keeps");

    /// <summary>start-fast</summary>
    public static readonly OptionRow<bool> StartFast = Boolean("start-fast", Host, CommandSet.Agent,
        "begin backups with an immediate checkpoint", "y", "a backup that is asked for begins at once (pgBackRest: n)",
        "n: the checkpoint is spread over time, as checkpoint_completion_target says; the backup waits for it, for minutes, and the server's disks are spared.",
        OptionPlaces.File | OptionPlaces.Environment);

    // Host

    /// <summary>host-name</summary>
    public static readonly OptionRow<string> HostName = Text("host-name", Host, Register | Sealing, "what the repository calls this host", "Left out: the machine's host name.");

    /// <summary>process-max</summary>
    public static readonly OptionRow<int> ProcessMax = Integer("process-max", Host, Register | ArchivePush | ArchiveGet | Check | Adopt | CommandSet.Agent | Restore, "segments and files worked on at once", 2, 1, 64, "", "leaves most of a small server to PostgreSQL");

    /// <summary>state-path</summary>
    public static readonly OptionRow<string> StatePath = Path("state-path", Host, Storing, "this host's keys and what it has seen of the log", "/var/lib/holdfast", "survives a restart; must not be in the data directory");

    /// <summary>spool-path</summary>
    public static readonly OptionRow<string> SpoolPath = Path("spool-path", Host, ArchivePush | ArchiveGet | Check | Adopt, "segments on their way; may be lost at any time", "/var/spool/holdfast", "on a disk, since /tmp may be memory");

    /// <summary>spool-max</summary>
    public static readonly OptionRow<ByteSize> SpoolMax = Size("spool-max", Host, ArchiveGet, "how much archive-get may fetch ahead into spool-path", "256MiB", 1 << 20, 1L << 40, "16 segments of the usual size hide the service's latency");

    /// <summary>key-path</summary>
    public static readonly OptionRow<string> KeyPath = Path("key-path", Host, Init, "where init puts keys, configurations and the recovery kit, in a folder named after the cluster", "/etc/holdfast/keys", "beside the configuration",
        "A folder for each role: agent, control-plane, restorer, escrow. Each can be moved as a whole. Take restorer and escrow off this host afterwards.");

    /// <summary>Every option, in the order of help.</summary>
    public static IReadOnlyList<OptionRow> All { get; } =
    [
        Cluster, Config, LogLevel, Output, Yes, Reference, Gaps, Verify, Strict,
        RepoEndpoint, RepoQueueEndpoint, RepoTableEndpoint, RepoAccount, RepoAuth, RepoConnectionString, RepoConnectionStringFile, RepoKey, RepoKeyFile,
        RepoSasData, RepoSasDataFile, RepoSasLog, RepoSasLogFile, RepoSasCatalog, RepoSasCatalogFile, RepoSasWork, RepoSasWorkFile, RepoSasQueue, RepoSasQueueFile, RepoSasJournal, RepoSasJournalFile,
        RepoClientId, RepoTenantId, RepoClientSecret, RepoClientSecretFile, RepoClientCertificate, RepoTokenFile, RepoAuthorityHost, RepoCaFile, RepoTimeout,
        PgPath, PgSocketPath, PgHost, PgPort, PgUser, PgDatabase,
        ControlPlaneKey, ContentKeyFile, EscrowKeyFile, IndexKeyFile, ContentPrivateKeyFile, IndexPrivateKeyFile, SigningKeyFile, ContentKey, EscrowKey, IndexKey, SigningKey, KeyVaultAuth, EqualityKeyFile, ControlPlaneConfig,
        ControlPlaneUrl, ControlPlaneApp, ControlPlaneApiKey, ControlPlaneApiKeyFile, ControlPlaneOperatorKey, ControlPlaneOperatorKeyFile, SasDays, Role, Reason, EnrolmentToken, EnrolmentTokenFile, NewSystem, DropEarlier,
        Type, BackupHost, Detach, Cancel, Exclude, ScheduleFull, ScheduleDiff, ScheduleIncr, PreferredHost,
        Kit, TargetTime, TargetXid, TargetLsn, TargetName, TargetImmediate, TargetExclusive, TargetTimeline, TargetAction, Set, TablespaceMap, ConfigPath, LinkAll, LinkMap, AdoptAfterwards, SkipSpaceCheck, DryRun,
        RestoredKeys, CompressLevel, ArchiveTimeout, ArchiveGetTimeout, WalDamaged,
        JobPoll, HeartbeatInterval, BackupStoreTimeout, StartFast, HostName, ProcessMax, StatePath, SpoolPath, SpoolMax, KeyPath,
    ];
}
