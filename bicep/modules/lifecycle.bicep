import { clusterSettings, paysToMove } from '../types.bicep'

param accountName string
param clusters clusterSettings[]
@description('Days after which a backup is seldom restored.')
@minValue(1)
param tierAfterDays int
@description('Whether the account\'s redundancy and region have a cold tier.')
param useCold bool

// Cool keeps a blob for at least 30 days, cold for 90; who deletes or moves it earlier pays for the rest. So a pack moves once, to the lowest tier that its life is long enough for.
var leastStayInCoolDays = 30
var leastStayInColdDays = 90

// A prefix cannot skip the system identifier, so packs can be told from WAL only where it is known. WAL stays hot: point-in-time recovery reads all of it.
var packs = flatten(map(clusters, cluster => map(cluster.?systemIdentifiers ?? [], system => {
  rule: 'packs-${cluster.name}-${system}'
  prefix: '${cluster.name}-data/${system}/backup/'
  cool: paysToMove(cluster.?retentionDays ?? 35, tierAfterDays, leastStayInCoolDays)
  cold: useCold && paysToMove(cluster.?retentionDays ?? 35, tierAfterDays, leastStayInColdDays)
})))
var worthMoving = filter(packs, pack => pack.cool || pack.cold)

// No rule deletes: only the expirer does, by a plan that the log has.
resource policy 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = if (!empty(worthMoving)) {
  name: '${accountName}/default'
  properties: {
    policy: {
      rules: [
        for pack in worthMoving: {
          name: pack.rule
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: [pack.prefix] }
            actions: {
              baseBlob: pack.cold
                ? { tierToCold: { daysAfterCreationGreaterThan: tierAfterDays } }
                : { tierToCool: { daysAfterCreationGreaterThan: tierAfterDays } }
            }
          }
        }
      ]
    }
  }
}
