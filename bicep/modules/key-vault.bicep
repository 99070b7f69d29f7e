import { networkAccess } from '../types.bicep'

param location string
param tags object
@minLength(3)
@maxLength(24)
param name string
param network networkAccess
@description('What the keys in it are for.')
param keys vaultKey[]
@description('Keys in a hardware module (Premium), or in software (Standard).')
param hardware bool
@description('False for an escrow vault: its owner opens a way to it on the day it is needed.')
param reachable bool
param workspaceId string

@export()
@description('A key and how it lives.')
type vaultKey = {
  name: string
  purpose: 'wrap' | 'sign'
  @description('ISO 8601, as P1Y: a new version after so long. Empty: only by hand.')
  rotateAfter: string
}

// Purge protection cannot be turned off again: a deleted key can be brought back for 90 days, by nobody's leave but the vault's owner's.
resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: hardware ? 'premium' : 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: !reachable || (empty(network.allowedIpRanges) && !empty(network.endpointSubnetId)) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: [for range in network.allowedIpRanges: { value: range }]
      virtualNetworkRules: empty(network.endpointSubnetId) ? [{ id: network.functionSubnetId }] : []
    }
  }
}

// RSA of 3072 bits wraps with RSA-OAEP-256; P-256 signs. No key is exportable, and none expires: an expired key would stop backups, not an attacker.
resource vaultKeys 'Microsoft.KeyVault/vaults/keys@2024-11-01' = [
  for key in keys: {
    parent: vault
    name: key.name
    tags: tags
    properties: union(
      { attributes: { enabled: true, exportable: false } },
      key.purpose == 'wrap'
        ? { kty: hardware ? 'RSA-HSM' : 'RSA', keySize: 3072, keyOps: ['wrapKey', 'unwrapKey'] }
        : { kty: hardware ? 'EC-HSM' : 'EC', curveName: 'P-256', keyOps: ['sign', 'verify'] },
      empty(key.rotateAfter)
        ? {}
        : {
            rotationPolicy: {
              lifetimeActions: [{ action: { type: 'rotate' }, trigger: { timeAfterCreate: key.rotateAfter } }]
            }
          }
    )
  }
]

module endpoint 'private-endpoint.bicep' = if (reachable && !empty(network.endpointSubnetId)) {
  name: '${name}-endpoint'
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-vault'
    serviceId: vault.id
    groupId: 'vault'
    subnetId: network.endpointSubnetId
    dnsZoneId: network.dnsZoneIds.?vault ?? ''
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
