import { identity } from 'identities.bicep'
import { clusterSettings, defaultImmutabilityDays, defaultLogImmutabilityDays, networkAccess } from '../types.bicep'

param location string
param tags object
param name string
param network networkAccess
param controlPlane identity
@description('Attached to the app so that the expiry activities can act as it; null: expiry is stopped, or runs elsewhere.')
param expirer identity?
param hostAccountName string
param packageUrl string
param repository { id: string, blobEndpoint: string, queueEndpoint: string }
param connectionString string
param vaultUri string
param clusters clusterSettings[]
@description('Application id of the Entra application whose app roles the HTTP API asks for; empty: no HTTP API.')
param apiClientId string
@minValue(40)
@maxValue(1000)
param maximumInstances int
param instanceMemoryMB 512 | 2048 | 4096

var settings = {
  AzureWebJobsStorage__accountName: hostAccountName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: controlPlane.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${controlPlane.clientId};Authorization=AAD'
  AZURE_CLIENT_ID: controlPlane.clientId
  Repository__blobServiceUri: repository.blobEndpoint
  Repository__queueServiceUri: repository.queueEndpoint
  Repository__accountId: repository.id
  Repository__managementUri: environment().resourceManager
  Repository__credential: 'managedidentity'
  Repository__clientId: controlPlane.clientId
  Holdfast__ExpirerClientId: expirer.?clientId ?? ''
  Holdfast__VaultUri: vaultUri
  Holdfast__ApiClientId: apiClientId
  Holdfast__ApiTenantId: tenant().tenantId
}
// A cluster is served once it was made, and its keys are known. Settings are no place for secrets: the equality key is a reference, the others are public.
var served = filter(clusters, cluster => cluster.?controlPlaneKey != null)
var servedSettings = flatten(map(range(0, length(served)), i => [
  { name: 'Holdfast__Clusters__${i}__Name', value: served[i].name }
  { name: 'Holdfast__Clusters__${i}__ControlPlaneKey', value: served[i].?controlPlaneKey ?? '' }
  { name: 'Holdfast__Clusters__${i}__EscrowKey', value: served[i].?escrowPublicKey ?? '' }
  { name: 'Holdfast__Clusters__${i}__EqualityKey', value: '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${served[i].name}-equality)' }
  { name: 'Holdfast__Clusters__${i}__ImmutabilityDays', value: string(served[i].?immutabilityDays ?? defaultImmutabilityDays) }
  { name: 'Holdfast__Clusters__${i}__LogImmutabilityDays', value: string(served[i].?logImmutabilityDays ?? defaultLogImmutabilityDays) }
  { name: 'Holdfast__Clusters__${i}__PoliciesLocked', value: string(served[i].?policiesLocked ?? false) }
]))
var identityIds = concat([controlPlane.id], expirer == null ? [] : [expirer!.id])
// The API is for who restores and operates; it is reached through its private endpoint, or from the named ranges.
var isPublic = !empty(network.allowedIpRanges)

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject(identityIds, id => id, id => {})
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: isPublic ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: network.functionSubnetId
    keyVaultReferenceIdentity: controlPlane.id
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: controlPlane.id }
        }
      }
      runtime: { name: 'dotnet-isolated', version: '10.0' }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstances
        instanceMemoryMB: instanceMemoryMB
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      scmIpSecurityRestrictionsUseMain: true
      ipSecurityRestrictionsDefaultAction: 'Deny'
      ipSecurityRestrictions: [
        for (range, i) in network.allowedIpRanges: {
          name: 'allowed-${i}'
          action: 'Allow'
          priority: 100 + i
          ipAddress: contains(range, '/') ? range : '${range}/32'
        }
      ]
      appSettings: concat(map(items(settings), setting => { name: setting.key, value: setting.value }), servedSettings)
    }
  }

  // No password opens the deployment endpoints.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  // Tokens are judged twice: here, and by the app, which asks for app roles. A caller without one never reaches the code.
  resource auth 'config' = if (!empty(apiClientId)) {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: true }
      globalValidation: { requireAuthentication: true, unauthenticatedClientAction: 'Return401' }
      httpSettings: { requireHttps: true }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: apiClientId
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          validation: { allowedAudiences: ['api://${apiClientId}', apiClientId] }
        }
      }
      login: { tokenStore: { enabled: false } }
    }
  }
}

module endpoint 'private-endpoint.bicep' = if (!empty(network.endpointSubnetId)) {
  name: 'api-endpoint'
  params: {
    location: location
    tags: tags
    name: 'pe-${name}-sites'
    serviceId: app.id
    groupId: 'sites'
    subnetId: network.endpointSubnetId
    dnsZoneId: network.dnsZoneIds.?sites ?? ''
  }
}

output name string = app.name
output hostName string = app.properties.defaultHostName
