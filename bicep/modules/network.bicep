// A network of its own, for who has none to give: the function app sends from one subnet, the private endpoints are in the other.
// Database hosts reach the endpoints by peering with it, or through a VPN.

param location string
param tags object
param name string
@description('At least a /26: half of it for the function app, half for endpoints.')
param addressPrefix string
@description('Private DNS zones for the endpoints.')
param dnsZones bool

var functionPrefix = cidrSubnet(addressPrefix, 27, 0)
var endpointPrefix = cidrSubnet(addressPrefix, 27, 1)
var groups = ['blob', 'queue', 'table', 'vault', 'sites']
var zoneNames = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
  sites: 'privatelink.azurewebsites.net'
}

resource vnet 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'functions'
        properties: {
          addressPrefix: functionPrefix
          // Flex Consumption runs on Container Apps' infrastructure; other plans delegate to Microsoft.Web/serverFarms.
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
          // Used where there are no private endpoints.
          serviceEndpoints: [{ service: 'Microsoft.Storage' }, { service: 'Microsoft.KeyVault' }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointPrefix
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for group in groups: if (dnsZones) {
    name: zoneNames[group]
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (group, i) in groups: if (dnsZones) {
    parent: zones[i]
    name: 'vnet-${name}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: vnet.id }
    }
  }
]

output functionSubnetId string = '${vnet.id}/subnets/functions'
output endpointSubnetId string = '${vnet.id}/subnets/endpoints'
output dnsZoneIds { *: string } = dnsZones ? toObject(groups, group => group, group => resourceId('Microsoft.Network/privateDnsZones', zoneNames[group])) : {}
