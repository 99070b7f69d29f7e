import { roleKey, roleName } from '../types.bicep'

var container = 'Microsoft.Storage/storageAccounts/blobServices/containers'
var queue = 'Microsoft.Storage/storageAccounts/queueServices/queues'
var table = 'Microsoft.Storage/storageAccounts/tableServices/tables'
var key = 'Microsoft.KeyVault/vaults/keys'
var secret = 'Microsoft.KeyVault/vaults/secrets'

@description('One custom role.')
type role = {
  key: roleKey
  @description('What it is called in the portal, before the name of the resource group.')
  title: string
  description: string
  actions: string[]
  dataActions: string[]
}

// Rights are given container by container and key by key; a role says only what may be done there.
// blobs/add/action is Put Blob of a name that is free; blobs/write would replace what is there, and no role for the repository has it.
var roles role[] = [
  {
    key: 'reader'
    title: 'Holdfast reader'
    description: 'Reads and lists blobs.'
    actions: []
    dataActions: ['${container}/blobs/read']
  }
  {
    key: 'adder'
    title: 'Holdfast adder'
    description: 'Reads blobs and makes new ones. Cannot overwrite or delete.'
    actions: []
    dataActions: ['${container}/blobs/read', '${container}/blobs/add/action']
  }
  {
    key: 'mail-clerk'
    title: 'Holdfast mail clerk'
    description: 'Reads, adds and deletes the jobs and reports of the work container.'
    actions: []
    dataActions: ['${container}/blobs/read', '${container}/blobs/add/action', '${container}/blobs/delete']
  }
  {
    key: 'expirer'
    title: 'Holdfast expirer'
    description: 'Reads and deletes blobs whose immutability has ended. Cannot add.'
    actions: []
    dataActions: ['${container}/blobs/read', '${container}/blobs/delete']
  }
  {
    key: 'policy-watcher'
    title: 'Holdfast policy watcher'
    description: 'Sees whether a container has its immutability policy. Cannot change it.'
    actions: ['${container}/read', '${container}/immutabilityPolicies/read']
    dataActions: []
  }
  {
    key: 'report-sender'
    title: 'Holdfast report sender'
    description: 'Adds messages to a queue. Cannot read them.'
    actions: []
    dataActions: ['${queue}/messages/add/action']
  }
  {
    key: 'report-receiver'
    title: 'Holdfast report receiver'
    description: 'Takes messages out of a queue, and sees how many there are.'
    actions: ['${queue}/read']
    dataActions: ['${queue}/messages/read', '${queue}/messages/process/action']
  }
  {
    key: 'journal-keeper'
    title: 'Holdfast journal keeper'
    description: 'Reads and changes the rows of one table. Cannot make or drop tables.'
    actions: []
    dataActions: [
      '${table}/entities/read'
      '${table}/entities/add/action'
      '${table}/entities/update/action'
      '${table}/entities/write'
      '${table}/entities/delete'
    ]
  }
  {
    key: 'key-unwrapper'
    title: 'Holdfast key unwrapper'
    description: 'Unwraps with one key. Wrapping is done with the public half and needs no right.'
    actions: []
    dataActions: ['${key}/read', '${key}/unwrap/action']
  }
  {
    key: 'key-reader'
    title: 'Holdfast key reader'
    description: 'Reads the public half of one key.'
    actions: []
    dataActions: ['${key}/read']
  }
  {
    key: 'secret-reader'
    title: 'Holdfast secret reader'
    description: 'Reads one secret.'
    actions: []
    dataActions: ['${secret}/getSecret/action', '${secret}/readMetadata/action']
  }
  {
    key: 'key-signer'
    title: 'Holdfast signer'
    description: 'Signs with one key.'
    actions: []
    dataActions: ['${key}/read', '${key}/sign/action']
  }
  {
    // What the Functions host and the task hub do in their own account. Storage Blob Data Owner, which the documentation suggests, could also change policies.
    key: 'function-host'
    title: 'Holdfast function host'
    description: 'Works with the host\'s own account: its package, leases, and the task hub.'
    actions: [
      '${container}/read'
      '${container}/write'
      '${container}/delete'
      '${queue}/read'
      '${queue}/write'
      '${queue}/delete'
      '${table}/read'
      '${table}/write'
      '${table}/delete'
    ]
    dataActions: [
      '${container}/blobs/read'
      '${container}/blobs/add/action'
      '${container}/blobs/write'
      '${container}/blobs/delete'
      '${queue}/messages/read'
      '${queue}/messages/add/action'
      '${queue}/messages/write'
      '${queue}/messages/delete'
      '${queue}/messages/process/action'
      '${table}/entities/read'
      '${table}/entities/add/action'
      '${table}/entities/update/action'
      '${table}/entities/write'
      '${table}/entities/delete'
    ]
  }
]

// Role names are unique in a tenant, hence the resource group's name.
resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for definition in roles: {
    name: roleName(resourceGroup().id, definition.key)
    properties: {
      roleName: '${definition.title} (${resourceGroup().name})'
      description: definition.description
      type: 'CustomRole'
      assignableScopes: [resourceGroup().id]
      permissions: [
        {
          actions: definition.actions
          notActions: []
          dataActions: definition.dataActions
          notDataActions: []
        }
      ]
    }
  }
]
