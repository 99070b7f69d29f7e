import { right, roleName } from '../types.bicep'

param vaultName string
param secretName string
param rights right[]

resource secret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' existing = {
  name: '${vaultName}/${secretName}'
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in rights: {
    name: guid(secret.id, right.role, right.principalId)
    scope: secret
    properties: {
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', roleName(resourceGroup().id, right.role))
      principalId: right.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
