// Every alarm, in one table. A test holds it against docs/signals.md and docs/runbooks/.

@export()
@description('An alarm on a metric that the control plane sends.')
type metricAlert = {
  name: string
  title: string
  @description('The metric\'s name in docs/signals.md.')
  signal: string
  @description('gauge: the worst value in the window counts. silence: an alarm for each cluster that said nothing.')
  kind: 'gauge' | 'silence'
  operator: 'GreaterThan' | 'LessThan'
  @description('In the unit of the signal.')
  threshold: int
  windowMinutes: 5 | 10 | 15 | 30 | 60
  everyMinutes: 5 | 10 | 15 | 30
  @description('The signal\'s attribute beside cluster: what alarms apart.')
  dimension: ('host' | 'system' | 'type')?
  @description('0 wakes somebody up, 1 today, 2 this week.')
  severity: 0 | 1 | 2
  runbook: string
  @description('The code does not send this signal yet: no rule is made.')
  waits: bool?
}

@export()
@description('An alarm on what was done through the resource manager.')
type activityAlert = {
  name: string
  title: string
  signal: 'AzureActivity'
  operations: string[]
  runbook: string
}

@export()
var metricAlerts metricAlert[] = [
  {
    name: 'rpo'
    title: 'Too much would be lost if the server were lost now'
    signal: 'holdfast.rpo'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 900
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'host'
    severity: 1
    runbook: 'docs/runbooks/rpo.md'
  }
  {
    name: 'wal-gaps'
    title: 'Archived WAL has a gap'
    signal: 'holdfast.wal.gaps'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 0
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'system'
    severity: 1
    runbook: 'docs/runbooks/wal-gaps.md'
  }
  {
    name: 'archive-stalled'
    title: 'A WAL segment waits to be archived'
    signal: 'holdfast.archive.stalled'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 600
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'host'
    severity: 1
    runbook: 'docs/runbooks/archive-stalled.md'
  }
  {
    name: 'pg-wal-growth'
    title: 'WAL gathers on the database host'
    signal: 'holdfast.wal.unarchived'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 8589934592 // 8 GiB: 512 segments, well above a checkpoint's worth
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'host'
    severity: 2
    runbook: 'docs/runbooks/pg-wal-growth.md'
  }
  {
    name: 'pg-wal-full'
    title: 'The disk of pg_wal will be full soon'
    signal: 'holdfast.pg_wal.time_until_full'
    kind: 'gauge'
    operator: 'LessThan'
    threshold: 14400 // 4 hours: enough to come, look and add space
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'host'
    severity: 0
    runbook: 'docs/runbooks/pg-wal-full.md'
  }
  {
    name: 'backup-overdue'
    title: 'A scheduled backup did not happen'
    signal: 'holdfast.backup.overdue'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 21600
    windowMinutes: 30
    everyMinutes: 15
    dimension: 'type'
    severity: 1
    runbook: 'docs/runbooks/backup-overdue.md'
  }
  {
    name: 'backup-failed'
    title: 'Backups fail'
    signal: 'holdfast.backup.failures'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 0
    windowMinutes: 30
    everyMinutes: 15
    severity: 2
    runbook: 'docs/runbooks/backup-failed.md'
  }
  {
    name: 'corrupt-pages'
    title: 'The database has corrupt pages'
    signal: 'holdfast.backup.corrupt_pages'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 0
    windowMinutes: 30
    everyMinutes: 15
    severity: 1
    runbook: 'docs/runbooks/corrupt-pages.md'
  }
  {
    name: 'agent-silent'
    title: 'A database host is not heard'
    signal: 'holdfast.agent.heartbeat.age'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 900
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'host'
    severity: 1
    runbook: 'docs/runbooks/agent-silent.md'
  }
  {
    name: 'control-plane-silent'
    title: 'The control plane is not heard'
    signal: 'holdfast.control_plane.tick'
    kind: 'silence'
    operator: 'LessThan'
    threshold: 1
    windowMinutes: 15
    everyMinutes: 5
    severity: 0
    runbook: 'docs/runbooks/control-plane-silent.md'
  }
  {
    name: 'immutability-drift'
    title: 'A container is not immutable as it should be'
    signal: 'holdfast.immutability.drift'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 0
    windowMinutes: 30
    everyMinutes: 15
    severity: 1
    waits: true
    runbook: 'docs/runbooks/immutability-drift.md'
  }
  {
    name: 'junk'
    title: 'Somebody put in the repository what no host of ours signed'
    signal: 'holdfast.junk'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 0
    windowMinutes: 30
    everyMinutes: 15
    severity: 1
    runbook: 'docs/runbooks/junk.md'
  }
  {
    name: 'conflict'
    title: 'Two servers write the same history'
    signal: 'holdfast.conflicts'
    kind: 'gauge'
    operator: 'GreaterThan'
    threshold: 0
    windowMinutes: 15
    everyMinutes: 5
    dimension: 'host'
    severity: 0
    runbook: 'docs/runbooks/conflict.md'
  }
]

// A deployment of ours does some of these too: the runbooks say how to tell.
@export()
var activityAlerts activityAlert[] = [
  {
    name: 'rights-changed'
    title: 'Somebody was given rights, or lost them'
    signal: 'AzureActivity'
    operations: [
      'Microsoft.Authorization/roleAssignments/write'
      'Microsoft.Authorization/roleAssignments/delete'
      'Microsoft.Authorization/roleDefinitions/write'
      'Microsoft.Authorization/roleDefinitions/delete'
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write'
    ]
    runbook: 'docs/runbooks/rights-changed.md'
  }
  {
    name: 'lock-changed'
    title: 'A resource lock was put on or taken off'
    signal: 'AzureActivity'
    operations: ['Microsoft.Authorization/locks/write', 'Microsoft.Authorization/locks/delete']
    runbook: 'docs/runbooks/lock-changed.md'
  }
  {
    name: 'policy-changed'
    title: 'Immutability, lifecycle or the account itself was changed'
    signal: 'AzureActivity'
    operations: [
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/write'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/delete'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/extend/action'
      'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/lock/action'
      'Microsoft.Storage/storageAccounts/blobServices/containers/clearLegalHold/action'
      'Microsoft.Storage/storageAccounts/blobServices/containers/delete'
      'Microsoft.Storage/storageAccounts/blobServices/write'
      'Microsoft.Storage/storageAccounts/managementPolicies/write'
      'Microsoft.Storage/storageAccounts/managementPolicies/delete'
      'Microsoft.Storage/storageAccounts/write'
      'Microsoft.Storage/storageAccounts/delete'
    ]
    runbook: 'docs/runbooks/policy-changed.md'
  }
  {
    name: 'keys-reached'
    title: 'Account keys were listed or made, or the vault was changed'
    signal: 'AzureActivity'
    operations: [
      'Microsoft.Storage/storageAccounts/listKeys/action'
      'Microsoft.Storage/storageAccounts/regenerateKey/action'
      'Microsoft.Storage/storageAccounts/listAccountSas/action'
      'Microsoft.KeyVault/vaults/write'
      'Microsoft.KeyVault/vaults/delete'
      'Microsoft.KeyVault/vaults/keys/write'
    ]
    runbook: 'docs/runbooks/keys-reached.md'
  }
  {
    name: 'alarms-changed'
    title: 'An alarm, its receivers or a record was changed'
    signal: 'AzureActivity'
    operations: [
      'Microsoft.Insights/scheduledQueryRules/write'
      'Microsoft.Insights/scheduledQueryRules/delete'
      'Microsoft.Insights/activityLogAlerts/delete'
      'Microsoft.Insights/actionGroups/write'
      'Microsoft.Insights/actionGroups/delete'
      'Microsoft.Insights/diagnosticSettings/write'
      'Microsoft.Insights/diagnosticSettings/delete'
      'Microsoft.OperationalInsights/workspaces/delete'
    ]
    runbook: 'docs/runbooks/alarms-changed.md'
  }
]

// Deletes in the repository, as Azure records them.
@export()
var unexpectedDelete = {
  name: 'unexpected-delete'
  title: 'A blob was deleted, and not by whoever deletes there'
  signal: 'StorageBlobLogs'
  severity: 0
  runbook: 'docs/runbooks/unexpected-delete.md'
}
