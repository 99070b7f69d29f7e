// What one PostgreSQL cluster has in the repository account: four containers, the queue, its policies, and who may do what with them.

import { clusterSettings, defaultImmutabilityDays, defaultLogImmutabilityDays, rightsOf } from '../types.bicep'
import { identity } from 'identities.bicep'

param location string
param tags object
param name string
param accountName string
param cluster clusterSettings
param controlPlane identity
param expirer identity
@description('The vault that has the keys {cluster}-content, -index and -signing.')
param vaultName string

var immutabilityDays = {
  data: cluster.?immutabilityDays ?? defaultImmutabilityDays
  catalog: cluster.?immutabilityDays ?? defaultImmutabilityDays
  log: cluster.?logImmutabilityDays ?? defaultLogImmutabilityDays
}
var policiesLocked = cluster.?policiesLocked ?? false

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }

  resource queues 'queueServices' existing = {
    name: 'default'
  }

  resource tables 'tableServices' existing = {
    name: 'default'
  }
}

resource agent 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-${cluster.name}-agent'
  location: location
  tags: tags
}

resource restorer 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-${cluster.name}-restorer'
  location: location
  tags: tags
}

resource data 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: '${cluster.name}-data'
  properties: { publicAccess: 'None' }
}

resource log 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: '${cluster.name}-log'
  properties: { publicAccess: 'None' }
}

resource catalog 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: '${cluster.name}-catalog'
  properties: { publicAccess: 'None' }
}

resource work 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: '${cluster.name}-work'
  properties: { publicAccess: 'None' }
}

// Container policies, not version-level ones: those need versioning, under which an overwrite succeeds.
resource dataPolicy 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (!policiesLocked) {
  parent: data
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: immutabilityDays.data
    allowProtectedAppendWrites: false
  }
}

resource logPolicy 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (!policiesLocked) {
  parent: log
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: immutabilityDays.log
    allowProtectedAppendWrites: false
  }
}

resource catalogPolicy 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (!policiesLocked) {
  parent: catalog
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: immutabilityDays.catalog
    allowProtectedAppendWrites: false
  }
}

resource reports 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = {
  parent: account::queues
  name: '${cluster.name}-reports'
}

module dataRights 'container-rights.bicep' = {
  name: '${cluster.name}-data-rights'
  params: {
    accountName: accountName
    containerName: data.name
    rights: concat(
      [
        { role: 'adder', principalId: agent.properties.principalId }
        { role: 'reader', principalId: controlPlane.principalId }
        { role: 'policy-watcher', principalId: controlPlane.principalId }
        { role: 'reader', principalId: restorer.properties.principalId }
        { role: 'expirer', principalId: expirer.principalId }
      ],
      rightsOf('adder', cluster.?agents ?? []),
      rightsOf('reader', cluster.?restorers ?? [])
    )
  }
}

module logRights 'container-rights.bicep' = {
  name: '${cluster.name}-log-rights'
  params: {
    accountName: accountName
    containerName: log.name
    rights: concat(
      [
        { role: 'reader', principalId: agent.properties.principalId }
        { role: 'adder', principalId: controlPlane.principalId }
        { role: 'policy-watcher', principalId: controlPlane.principalId }
        { role: 'reader', principalId: restorer.properties.principalId }
      ],
      rightsOf('reader', concat(cluster.?agents ?? [], cluster.?restorers ?? []))
    )
  }
}

module catalogRights 'container-rights.bicep' = {
  name: '${cluster.name}-catalog-rights'
  params: {
    accountName: accountName
    containerName: catalog.name
    rights: concat(
      [
        { role: 'reader', principalId: agent.properties.principalId }
        { role: 'adder', principalId: controlPlane.principalId }
        { role: 'policy-watcher', principalId: controlPlane.principalId }
        { role: 'reader', principalId: restorer.properties.principalId }
        { role: 'expirer', principalId: expirer.principalId }
      ],
      rightsOf('reader', concat(cluster.?agents ?? [], cluster.?restorers ?? []))
    )
  }
}

module workRights 'container-rights.bicep' = {
  name: '${cluster.name}-work-rights'
  params: {
    accountName: accountName
    containerName: work.name
    rights: concat(
      [
        { role: 'adder', principalId: agent.properties.principalId }
        { role: 'mail-clerk', principalId: controlPlane.principalId }
        { role: 'reader', principalId: restorer.properties.principalId }
      ],
      rightsOf('adder', cluster.?agents ?? []),
      rightsOf('reader', cluster.?restorers ?? [])
    )
  }
}

module reportRights 'queue-rights.bicep' = {
  name: '${cluster.name}-report-rights'
  params: {
    accountName: accountName
    queueName: reports.name
    rights: concat(
      [
        { role: 'report-sender', principalId: agent.properties.principalId }
        { role: 'report-receiver', principalId: controlPlane.principalId }
      ],
      rightsOf('report-sender', cluster.?agents ?? [])
    )
  }
}

resource journal 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = if (cluster.?journalTable != null) {
  parent: account::tables
  name: cluster.?journalTable ?? 'none'
}

module journalRights 'table-rights.bicep' = if (cluster.?journalTable != null) {
  name: '${cluster.name}-journal-rights'
  params: {
    accountName: accountName
    tableName: cluster.?journalTable ?? 'none'
    rights: [{ role: 'journal-keeper', principalId: controlPlane.principalId }]
  }
  dependsOn: [journal]
}

// Only who restores opens contents. The control plane opens what describes them, and signs.
module contentKeyRights 'key-rights.bicep' = {
  name: '${cluster.name}-content-key-rights'
  params: {
    vaultName: vaultName
    keyName: '${cluster.name}-content'
    rights: concat(
      [
        { role: 'key-unwrapper', principalId: restorer.properties.principalId }
        // Its manifests are sealed to the public half, which the vault shows; the control plane never unwraps with it.
        { role: 'key-reader', principalId: controlPlane.principalId }
      ],
      rightsOf('key-unwrapper', cluster.?restorers ?? [])
    )
  }
}

module indexKeyRights 'key-rights.bicep' = {
  name: '${cluster.name}-index-key-rights'
  params: {
    vaultName: vaultName
    keyName: '${cluster.name}-index'
    rights: [{ role: 'key-unwrapper', principalId: controlPlane.principalId }]
  }
}

module signingKeyRights 'key-rights.bicep' = {
  name: '${cluster.name}-signing-key-rights'
  params: {
    vaultName: vaultName
    keyName: '${cluster.name}-signing'
    rights: [{ role: 'key-signer', principalId: controlPlane.principalId }]
  }
}

// Hosts get the equality key when they register. It is the one secret that the app's settings refer to, and is put into the vault with what init wrote.
module equalityRights 'secret-rights.bicep' = if (cluster.?controlPlaneKey != null) {
  name: '${cluster.name}-equality-rights'
  params: {
    vaultName: vaultName
    secretName: '${cluster.name}-equality'
    rights: [{ role: 'secret-reader', principalId: controlPlane.principalId }]
  }
}

@description('The client id that an agent\'s configuration names as repo-client-id.')
output agentClientId string = agent.properties.clientId

@description('The same for who restores.')
output restorerClientId string = restorer.properties.clientId

@description('What a virtual machine is given so that it can be a database host.')
output agentIdentityId string = agent.id

@description('What a virtual machine is given so that it can restore.')
output restorerIdentityId string = restorer.id
