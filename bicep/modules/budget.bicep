param name string
@minValue(1)
@description('A month, in the currency of the subscription.')
param amount int
@description('The first of a month, yyyy-MM-dd, not in the past when the budget is made; it stays as it is afterwards.')
param startDate string
param actionGroupId string

// The budget has no tags, so its place in the table of alerts is here: docs/runbooks/budget.md, signal Microsoft.Consumption.
resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: 'budget-${name}'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: []
        contactGroups: [actionGroupId]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: []
        contactGroups: [actionGroupId]
      }
    }
  }
}
