// For trying it out: one cluster, one zone, reached from an office by its address, nothing locked, nothing kept for long.

using 'main.bicep'

param name = 'holdfastdev'
param tags = { environment: 'development' }
param clusters = [
  // The embedded control plane, on a machine that has the identity id-holdfastdev-control-plane.
  { name: 'shop', retentionDays: 7, immutabilityDays: 1, logImmutabilityDays: 1, journalTable: 'shopjournal' }
]
param redundancy = 'Standard_LRS'
param softDeleteDays = 1
param lockRepository = false
param privateEndpoints = false
param privateDnsZones = false
param allowedIpRanges = ['203.0.113.7']
param rotateKeysAfter = ''
param logRetentionDays = 30
param dailyQuotaGb = 1
param alertEmails = ['dba@example.com']
