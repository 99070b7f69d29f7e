param location string
param tags object
param name string
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'holdfast-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Holdfast (${name})'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('workbook.json')
  }
}
