import { right, roleName } from '../types.bicep'

param vaultName string
param keyName string
param rights right[]

resource key 'Microsoft.KeyVault/vaults/keys@2024-11-01' existing = {
  name: '${vaultName}/${keyName}'
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in rights: {
    name: guid(key.id, right.role, right.principalId)
    scope: key
    properties: {
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', roleName(resourceGroup().id, right.role))
      principalId: right.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
