import { right, roleName } from '../types.bicep'

param accountName string
param queueName string
param rights right[]

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  name: '${accountName}/default/${queueName}'
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in rights: {
    name: guid(queue.id, right.role, right.principalId)
    scope: queue
    properties: {
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', roleName(resourceGroup().id, right.role))
      principalId: right.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
