import { identity } from 'identities.bicep'

param location string
param tags object
param name string
@minValue(30)
@maxValue(730)
param retentionDays int
@description('GB a day after which nothing more is taken in; -1: no limit. Once it is met no alert sees anything, and control-plane-silent goes off.')
param dailyQuotaGb int
param controlPlane identity

// Built in: Monitoring Metrics Publisher, the right to send telemetry.
var metricsPublisher = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb')

// Telemetry comes in over the public endpoint, by Entra only. A private link scope would change that for the whole network, so it is not ours to make.
resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: 'log-${name}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    DisableIpMasking: false
  }
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, 'publisher', controlPlane.principalId)
  scope: insights
  properties: {
    roleDefinitionId: metricsPublisher
    principalId: controlPlane.principalId
    principalType: 'ServicePrincipal'
  }
}

output workspaceId string = workspace.id
output connectionString string = insights.properties.ConnectionString
output insightsId string = insights.id
