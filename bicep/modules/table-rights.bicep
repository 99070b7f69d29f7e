import { right, roleName } from '../types.bicep'

param accountName string
param tableName string
param rights right[]

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' existing = {
  name: '${accountName}/default/${tableName}'
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in rights: {
    name: guid(table.id, right.role, right.principalId)
    scope: table
    properties: {
      roleDefinitionId: resourceId('Microsoft.Authorization/roleDefinitions', roleName(resourceGroup().id, right.role))
      principalId: right.principalId
      principalType: 'ServicePrincipal'
    }
  }
]
