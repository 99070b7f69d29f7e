// Holdfast on Azure, in one resource group: the repository, the control plane, its keys, and the alarms. docs/azure.md is the guide.

targetScope = 'resourceGroup'

import { clusterSettings, networkAccess } from 'types.bicep'

@description('A short name in the names of all resources: lower-case letters, digits and hyphens, a letter first.')
@minLength(3)
@maxLength(12)
param name string

param location string = resourceGroup().location

param tags object = {}

@description('The PostgreSQL clusters.')
@minLength(1)
param clusters clusterSettings[]

@description('Copies of the repository: three in one zone, one in each of three zones, and with G as many in the paired region. Locked immutability does not help when a region is lost.')
param redundancy 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_RAGRS' | 'Standard_GZRS' | 'Standard_RAGZRS' = 'Standard_ZRS'

@description('Days for which a deleted blob can be brought back, by who may administer the account.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 14

@description('Forbids deleting the repository account through the resource manager.')
param lockRepository bool = true

@description('Days after which packs go to cool or cold, where what is left of their life pays for it.')
@minValue(1)
param tierAfterDays int = 7

@description('Whether the region and the redundancy have a cold tier.')
param useCold bool = true

@description('A virtual network is made with this prefix, at least a /26, unless subnets are given.')
param addressPrefix string = '10.73.0.0/26'

@description('Subnet for the function app, delegated to Microsoft.App/environments; empty: one is made.')
param functionSubnetId string = ''

@description('Subnet for private endpoints; empty: one is made.')
param endpointSubnetId string = ''

@description('Private endpoints for repository, host account, vault and API. Without them the subnets are let in by service endpoints.')
param privateEndpoints bool = true

@description('Private DNS zones for the endpoints are made and linked; off where a hub has them.')
param privateDnsZones bool = true

@description('Public address ranges that reach the services all the same; none by default.')
param allowedIpRanges string[] = []

@description('Keys in hardware modules: the vault\'s Premium tier.')
param hardwareKeys bool = false

@description('ISO 8601: new versions of the content and index keys after so long. Old ones stay, since backups are sealed to them. Empty: by hand.')
param rotateKeysAfter string = 'P1Y'

@description('Region of a second vault with an escrow key of its own, which nobody here may use. Empty: escrow is a file, kept offline (recommended).')
param escrowLocation string = ''

@description('Lets the control plane act as the expirer. Off: nothing is ever deleted.')
param expiry bool = true

@description('Application id of the Entra application whose app roles the HTTP API asks for; empty: no HTTP API.')
param apiClientId string = ''

@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

param instanceMemoryMB 512 | 2048 | 4096 = 2048

@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('GB of telemetry a day, -1 without a limit. Above it the alarms are blind.')
param dailyQuotaGb int = -1

@description('Records reads and writes of the repository, not only deletes. Costs about 1 KB of log for each request.')
param logEveryRequest bool = false

@description('Who is told of alerts.')
@minLength(1)
param alertEmails string[]

@description('An https address that gets each alert, as a pager\'s.')
@secure()
param alertWebhook string = ''

@description('Other thresholds than those of modules/alert-table.bicep, by the alert\'s name.')
param alertThresholds { *: int } = {}

@description('What stands before the path of a runbook in an alert, as https://example.com/holdfast/.')
param runbookBase string = ''

@description('Watch the whole subscription for changes of rights, locks and policies.')
param watchSubscription bool = false

@description('A month, in the currency of the subscription; 0: no budget.')
@minValue(0)
param budget int = 0

@description('The first of the month in which the budget begins, yyyy-MM-dd.')
param budgetStart string = ''

var unique = uniqueString(resourceGroup().id, name)
var clusterNames = map(clusters, cluster => cluster.name)
var makesNetwork = empty(functionSubnetId) || (privateEndpoints && empty(endpointSubnetId))
var repositoryName = take('${replace(name, '-', '')}repo${unique}', 24)
var hostAccountName = take('${replace(name, '-', '')}host${unique}', 24)
var vaultName = take('kv-${name}-${unique}', 24)
var escrowVaultName = take('kv-${name}-e-${unique}', 24)

module network 'modules/network.bicep' = if (makesNetwork) {
  name: 'network'
  params: {
    location: location
    tags: tags
    name: name
    addressPrefix: addressPrefix
    dnsZones: privateEndpoints && privateDnsZones
  }
}

var access networkAccess = {
  functionSubnetId: makesNetwork ? network!.outputs.functionSubnetId : functionSubnetId
  endpointSubnetId: privateEndpoints ? (makesNetwork ? network!.outputs.endpointSubnetId : endpointSubnetId) : ''
  allowedIpRanges: allowedIpRanges
  dnsZoneIds: makesNetwork ? network!.outputs.dnsZoneIds : {}
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: { location: location, tags: tags, name: name }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    tags: tags
    name: name
    retentionDays: logRetentionDays
    dailyQuotaGb: dailyQuotaGb
    controlPlane: identities.outputs.controlPlane
  }
}

module repository 'modules/repository-account.bicep' = {
  name: 'repository'
  params: {
    location: location
    tags: tags
    name: repositoryName
    sku: redundancy
    network: access
    softDeleteDays: softDeleteDays
    resourceLock: lockRepository
    journals: !empty(filter(clusters, cluster => cluster.?journalTable != null))
    workspaceId: monitoring.outputs.workspaceId
    logEveryRequest: logEveryRequest
  }
}

// The signing key is never rotated by itself: agents and restorers pin it, and a new version would make them refuse the log.
module vault 'modules/key-vault.bicep' = {
  name: 'vault'
  params: {
    location: location
    tags: tags
    name: vaultName
    network: access
    hardware: hardwareKeys
    reachable: true
    workspaceId: monitoring.outputs.workspaceId
    keys: concat(
      map(clusterNames, cluster => { name: '${cluster}-content', purpose: 'wrap', rotateAfter: rotateKeysAfter }),
      map(clusterNames, cluster => { name: '${cluster}-index', purpose: 'wrap', rotateAfter: rotateKeysAfter }),
      map(clusterNames, cluster => { name: '${cluster}-signing', purpose: 'sign', rotateAfter: '' })
    )
  }
}

module escrow 'modules/key-vault.bicep' = if (!empty(escrowLocation)) {
  name: 'escrow'
  params: {
    location: escrowLocation
    tags: tags
    name: escrowVaultName
    network: access
    hardware: hardwareKeys
    reachable: false
    workspaceId: monitoring.outputs.workspaceId
    keys: map(clusterNames, cluster => { name: '${cluster}-escrow', purpose: 'wrap', rotateAfter: '' })
  }
}

module cluster 'modules/cluster.bicep' = [
  for settings in clusters: {
    name: 'cluster-${settings.name}'
    params: {
      location: location
      tags: tags
      name: name
      accountName: repository.outputs.name
      cluster: settings
      controlPlane: identities.outputs.controlPlane
      expirer: identities.outputs.expirer
      vaultName: vault.outputs.name
    }
    dependsOn: [roles]
  }
]

module lifecycle 'modules/lifecycle.bicep' = {
  name: 'lifecycle'
  params: {
    accountName: repository.outputs.name
    clusters: clusters
    tierAfterDays: tierAfterDays
    useCold: useCold
  }
  dependsOn: [cluster]
}

module host 'modules/host-account.bicep' = {
  name: 'host'
  params: {
    location: location
    tags: tags
    name: hostAccountName
    network: access
    controlPlane: identities.outputs.controlPlane
    packageContainer: 'package'
  }
  dependsOn: [roles]
}

module app 'modules/function-app.bicep' = {
  name: 'app'
  params: {
    location: location
    tags: tags
    name: 'func-${name}-${unique}'
    network: access
    controlPlane: identities.outputs.controlPlane
    expirer: expiry ? identities.outputs.expirer : null
    hostAccountName: host.outputs.name
    packageUrl: host.outputs.packageUrl
    repository: { id: repository.outputs.id, blobEndpoint: repository.outputs.blobEndpoint, queueEndpoint: repository.outputs.queueEndpoint }
    connectionString: monitoring.outputs.connectionString
    vaultUri: vault.outputs.uri
    clusters: clusters
    apiClientId: apiClientId
    maximumInstances: maximumInstances
    instanceMemoryMB: instanceMemoryMB
  }
}

module actionGroup 'modules/action-group.bicep' = {
  name: 'action-group'
  params: { tags: tags, name: name, emails: alertEmails, webhook: alertWebhook }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    location: location
    tags: tags
    name: name
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: actionGroup.outputs.id
    repositoryAccountName: repository.outputs.name
    clusterNames: clusterNames
    controlPlanePrincipalId: identities.outputs.controlPlane.principalId
    expirerPrincipalId: identities.outputs.expirer.principalId
    thresholds: alertThresholds
    runbookBase: runbookBase
    watchSubscription: watchSubscription
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: { location: location, tags: tags, name: name, workspaceId: monitoring.outputs.workspaceId }
}

module spending 'modules/budget.bicep' = if (budget > 0) {
  name: 'budget'
  params: { name: name, amount: max(budget, 1), startDate: budgetStart, actionGroupId: actionGroup.outputs.id }
}

@description('repo-endpoint of every agent and restorer.')
output repositoryEndpoint string = repository.outputs.blobEndpoint

output repositoryAccount string = repository.outputs.name

output vaultUri string = vault.outputs.uri

output functionApp string = app.outputs.name

output apiHost string = app.outputs.hostName

@description('For each cluster: the identities that virtual machines are given, and the client ids that their configuration names.')
output clusterIdentities object[] = [
  for (settings, i) in clusters: {
    cluster: settings.name
    agentIdentityId: cluster[i].outputs.agentIdentityId
    agentClientId: cluster[i].outputs.agentClientId
    restorerIdentityId: cluster[i].outputs.restorerIdentityId
    restorerClientId: cluster[i].outputs.restorerClientId
  }
]
