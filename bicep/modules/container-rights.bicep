import { right, roleName } from '../types.bicep'

param accountName string
param containerName string
param rights right[]

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = {
  name: '${accountName}/default/${containerName}'
}

// The principal is in the name: an identity that was made anew gets an assignment of its own, since one cannot be turned over to another principal.
resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in rights: {
    name: guid(container.id, right.role, right.principalId)
    scope: container
    properties: {
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', roleName(resourceGroup().id, right.role))
      principalId: right.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
