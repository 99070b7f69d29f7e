param location string
param tags object
param name string
@description('The resource that is reached through it.')
param serviceId string
@description('Which of its services: blob, queue, table, vault, sites.')
param groupId string
param subnetId string
@description('The private DNS zone that learns the address; empty: none.')
param dnsZoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    customNetworkInterfaceName: '${name}-nic'
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: serviceId
          groupIds: [groupId]
        }
      }
    ]
  }

  resource dns 'privateDnsZoneGroups' = if (!empty(dnsZoneId)) {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: groupId, properties: { privateDnsZoneId: dnsZoneId } }]
    }
  }
}
