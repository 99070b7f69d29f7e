// The rules of alert-table.bicep, but for the budget's (budget.bicep).

import { activityAlerts, metricAlerts, unexpectedDelete } from 'alert-table.bicep'

param location string
param tags object
param name string
param workspaceId string
param actionGroupId string
param repositoryAccountName string
param clusterNames string[]
param controlPlanePrincipalId string
param expirerPrincipalId string
@description('Other thresholds than the table\'s, by the alert\'s name.')
param thresholds { *: int }
@description('What stands before the path of a runbook in an alert, as https://example.com/holdfast/.')
param runbookBase string
@description('Watch the whole subscription for changes of rights, locks and policies, not only this resource group.')
param watchSubscription bool

// Gauges arrive as sums over ItemCount measurements; attributes as properties.
var gaugeQuery = '''
AppMetrics
| where Name == '{0}'
| extend value = Sum / max_of(ItemCount, 1)
| extend cluster = tostring(Properties['cluster']), host = tostring(Properties['host']), system = tostring(Properties['system']), type = tostring(Properties['type'])
| project TimeGenerated, cluster, host, system, type, value
'''
// Who says nothing has no rows, so the clusters come from here: this is the alarm that works when nothing of ours does.
var silenceQuery = '''
let expected = datatable(cluster: string) [{1}];
let heard = AppMetrics
| where Name == '{0}'
| summarize value = count() by cluster = tostring(Properties['cluster']);
expected
| join kind=leftouter heard on cluster
| project TimeGenerated = ago(1m), cluster, value = coalesce(value, 0)
'''
var queries = { gauge: gaugeQuery, silence: silenceQuery }
var quotedClusters = join(map(clusterNames, cluster => '"${cluster}"'), ', ')

resource metricRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in metricAlerts: {
    name: 'alert-${name}-${alert.name}'
    location: location
    tags: union(tags, { signal: alert.signal, runbook: alert.runbook })
    kind: 'LogAlert'
    properties: {
      displayName: 'Holdfast: ${alert.title}'
      description: '${alert.title}. ${runbookBase}${alert.runbook}'
      enabled: true
      severity: alert.severity
      scopes: [workspaceId]
      evaluationFrequency: 'PT${alert.everyMinutes}M'
      windowSize: 'PT${alert.windowMinutes}M'
      autoMitigate: true
      // The tables come to be with the first record, after this rule.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: format(queries[alert.kind], alert.signal, quotedClusters)
            metricMeasureColumn: 'value'
            timeAggregation: alert.operator == 'LessThan' ? 'Minimum' : 'Maximum'
            operator: alert.operator
            threshold: thresholds[?alert.name] ?? alert.threshold
            dimensions: concat(
              [{ name: 'cluster', operator: 'Include', values: ['*'] }],
              alert.?dimension == null ? [] : [{ name: alert.dimension!, operator: 'Include', values: ['*'] }]
            )
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: {
        actionGroups: [actionGroupId]
        customProperties: { signal: alert.signal, runbook: '${runbookBase}${alert.runbook}' }
      }
    }
  }
]

// The control plane empties the mailbox, the expirer deletes what has expired, and nobody deletes anything else.
resource deleteRule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'alert-${name}-${unexpectedDelete.name}'
  location: location
  tags: union(tags, { signal: unexpectedDelete.signal, runbook: unexpectedDelete.runbook })
  kind: 'LogAlert'
  properties: {
    displayName: 'Holdfast: ${unexpectedDelete.title}'
    description: '${unexpectedDelete.title}. ${runbookBase}${unexpectedDelete.runbook}'
    enabled: true
    severity: unexpectedDelete.severity
    scopes: [workspaceId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: false
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: format(
            '''
StorageBlobLogs
| where AccountName == '{0}' and Category == 'StorageDelete' and StatusCode startswith '2'
| extend container = tostring(split(ObjectKey, '/')[2])
| where not(container endswith '-work' and RequesterObjectId == '{1}')
| where not((container endswith '-data' or container endswith '-catalog') and RequesterObjectId == '{2}')
| project TimeGenerated, container, OperationName, ObjectKey, RequesterObjectId, AuthenticationType, CallerIpAddress
''',
            repositoryAccountName,
            controlPlanePrincipalId,
            expirerPrincipalId
          )
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [{ name: 'container', operator: 'Include', values: ['*'] }]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: {
      actionGroups: [actionGroupId]
      customProperties: { signal: unexpectedDelete.signal, runbook: '${runbookBase}${unexpectedDelete.runbook}' }
    }
  }
}

resource activityRules 'Microsoft.Insights/activityLogAlerts@2020-10-01' = [
  for alert in activityAlerts: {
    name: 'alert-${name}-${alert.name}'
    location: 'global'
    tags: union(tags, { signal: alert.signal, runbook: alert.runbook })
    properties: {
      description: '${alert.title}. ${runbookBase}${alert.runbook}'
      enabled: true
      scopes: [watchSubscription ? subscription().id : resourceGroup().id]
      condition: {
        allOf: [
          { field: 'category', equals: 'Administrative' }
          { field: 'status', equals: 'Succeeded' }
          { anyOf: [for operation in alert.operations: { field: 'operationName', equals: operation }] }
        ]
      }
      actions: {
        actionGroups: [
          {
            actionGroupId: actionGroupId
            webhookProperties: { signal: alert.signal, runbook: '${runbookBase}${alert.runbook}' }
          }
        ]
      }
    }
  }
]
