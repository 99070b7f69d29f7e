import { networkAccess, roleName } from '../types.bicep'
import { identity } from 'identities.bicep'

param location string
param tags object
@minLength(3)
@maxLength(24)
param name string
param network networkAccess
param controlPlane identity
param packageContainer string

// What the Functions host and the task hub need, and nothing that a backup needs: losing all of it loses no backup (docs/azure.md).
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: empty(network.allowedIpRanges) && !empty(network.endpointSubnetId) ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: [for range in network.allowedIpRanges: { action: 'Allow', value: range }]
      virtualNetworkRules: empty(network.endpointSubnetId) ? [{ action: 'Allow', id: network.functionSubnetId }] : []
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource package 'containers' = {
      name: packageContainer
      properties: { publicAccess: 'None' }
    }
  }
}

module endpoint 'private-endpoint.bicep' = [
  for service in ['blob', 'queue', 'table']: if (!empty(network.endpointSubnetId)) {
    name: 'host-endpoint-${service}'
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

resource hostRight 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, 'function-host', controlPlane.principalId)
  scope: account
  properties: {
    roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', roleName(resourceGroup().id, 'function-host'))
    principalId: controlPlane.principalId
    principalType: 'ServicePrincipal'
  }
}

output name string = account.name
output packageUrl string = '${account.properties.primaryEndpoints.blob}${packageContainer}'
