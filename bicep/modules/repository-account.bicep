import { networkAccess } from '../types.bicep'

param location string
param tags object
@minLength(3)
@maxLength(24)
param name string
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_RAGRS' | 'Standard_GZRS' | 'Standard_RAGZRS'
param network networkAccess
@description('Days for which a deleted blob can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int
@description('Forbids deleting the account, its containers and its policies through the resource manager, until somebody takes the lock off.')
param resourceLock bool
@description('Tables are used, too: an embedded control plane keeps its journal there.')
param journals bool
param workspaceId string
@description('Records reads and writes too, not only deletes.')
param logEveryRequest bool

// Trusted services are not let in: nothing of Azure itself has business in the repository but the lifecycle, which runs inside.
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: empty(network.allowedIpRanges) && !empty(network.endpointSubnetId) ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: {
        blob: { enabled: true, keyType: 'Account' }
        queue: { enabled: true, keyType: 'Account' }
      }
    }
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: [for range in network.allowedIpRanges: { action: 'Allow', value: range }]
      virtualNetworkRules: empty(network.endpointSubnetId) ? [{ action: 'Allow', id: network.functionSubnetId }] : []
    }
  }

  // Versioning stays off: with it an overwrite would succeed and leave the old bytes behind a version id, where a reader does not look.
  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      isVersioningEnabled: false
      changeFeed: { enabled: false }
      deleteRetentionPolicy: { enabled: true, days: softDeleteDays, allowPermanentDelete: false }
      containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    }
  }

  resource queues 'queueServices' = {
    name: 'default'
  }

  resource tables 'tableServices' = if (journals) {
    name: 'default'
  }
}

module endpoint 'private-endpoint.bicep' = [
  for service in concat(['blob', 'queue'], journals ? ['table'] : []): if (!empty(network.endpointSubnetId)) {
    name: 'repository-endpoint-${service}'
    params: {
      location: location
      tags: tags
      name: 'pe-${name}-${service}'
      serviceId: account.id
      groupId: service
      subnetId: network.endpointSubnetId
      dnsZoneId: network.dnsZoneIds[?service] ?? ''
    }
  }
]

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      for category in ['StorageDelete', 'StorageWrite', 'StorageRead']: {
        category: category
        enabled: category == 'StorageDelete' || logEveryRequest
      }
    ]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (resourceLock) {
  name: 'repository'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'The backups. Deleting them needs two decisions: this one, and waiting for immutability to end.'
  }
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
