param tags object
param name string
@minLength(1)
@description('Who is told. At least one: an alarm that nobody hears is none.')
param emails string[]
@description('An https address that gets each alert in the common schema: a pager, a chat.')
@secure()
param webhook string

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'holdfast'
    emailReceivers: [
      for (email, i) in emails: { name: 'email-${i}', emailAddress: email, useCommonAlertSchema: true }
    ]
    webhookReceivers: empty(webhook) ? [] : [{ name: 'webhook', serviceUri: webhook, useCommonAlertSchema: true }]
  }
}

output id string = group.id
