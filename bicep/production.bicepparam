// Two clusters; private endpoints only; copies in another region; keys in hardware, an escrow vault elsewhere; somebody is woken up.

using 'main.bicep'

param name = 'holdfast'
param tags = { environment: 'production' }
param clusters = [
  {
    name: 'shop'
    // Known after `holdfast init`: control-plane-key of its configurations, and the text of agent/escrow.jwk.
    controlPlaneKey: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE:BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ'
    escrowPublicKey: '{"kty":"RSA","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw","e":"AQAB"}'
    retentionDays: 35
    immutabilityDays: 28
    // Known after the first registration: `holdfast info` shows it.
    systemIdentifiers: ['7412345678901234567']
  }
  {
    name: 'ledger'
    retentionDays: 400
    immutabilityDays: 365
    logImmutabilityDays: 7300
    systemIdentifiers: ['7498765432109876543']
    // Database hosts that are no Azure machines: object ids of their identities.
    agents: ['11111111-2222-3333-4444-555555555555']
    restorers: ['66666666-7777-8888-9999-000000000000']
  }
]
param redundancy = 'Standard_RAGZRS'
param softDeleteDays = 30
param hardwareKeys = true
param escrowLocation = 'northeurope'
param apiClientId = '99999999-aaaa-bbbb-cccc-dddddddddddd'
param logRetentionDays = 180
param alertEmails = ['dba@example.com', 'on-call@example.com']
param runbookBase = 'https://runbooks.example.com/holdfast/'
param watchSubscription = true
param budget = 2000
param budgetStart = '2027-01-01'
