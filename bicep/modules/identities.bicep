// The identities of the control plane. Those of database hosts and restorers belong to their cluster.

param location string
param tags object
param name string

resource controlPlane 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-control-plane'
  location: location
  tags: tags
}

resource expirer 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-expirer'
  location: location
  tags: tags
}

@description('What the function app runs as.')
output controlPlane identity = {
  id: controlPlane.id
  clientId: controlPlane.properties.clientId
  principalId: controlPlane.properties.principalId
}

@description('What expiry, and nothing else, acts as.')
output expirer identity = {
  id: expirer.id
  clientId: expirer.properties.clientId
  principalId: expirer.properties.principalId
}

@export()
type identity = {
  id: string
  clientId: string
  principalId: string
}
