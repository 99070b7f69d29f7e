// What the modules share: the shape of a cluster, how long things are kept, and the names of the custom roles.

@export()
@description('A PostgreSQL cluster whose backups this deployment keeps.')
type clusterSettings = {
  @description('2 to 31 characters, ^[a-z](-?[a-z0-9])+$. The containers are named {name}-data, -log, -catalog and -work.')
  @minLength(2)
  @maxLength(31)
  name: string

  @description('Object ids of further identities of database hosts, beside the one made here: Azure Arc machines, service principals.')
  agents: string[]?

  @description('Object ids of further identities that may restore, beside the one made here.')
  restorers: string[]?

  @description('System identifiers of the histories in this cluster. Packs of those, and nothing else, are tiered down.')
  systemIdentifiers: string[]?

  @description('Days for which backups are kept, as the retention policy of the cluster says. Decides only whether tiering down pays.')
  @minValue(1)
  retentionDays: int?

  @description('Days for which nobody can delete or overwrite a blob of the data and catalog containers. Not above retentionDays, or expiry is refused.')
  @minValue(1)
  @maxValue(146000)
  immutabilityDays: int?

  @description('The same for the log, which nobody deletes ever. At least as long as the oldest backup is wanted.')
  @minValue(1)
  @maxValue(146000)
  logImmutabilityDays: int?

  @description('The table that an embedded control plane keeps its journal in: {name}journal, and for a name with hyphens as `holdfast init` says. Left out: none, as for the function app.')
  journalTable: string?

  @description('What init wrote as control-plane-key: the public half of the signing key, THUMBPRINT:POINT. From then on the function app serves the cluster.')
  controlPlaneKey: string?

  @description('The public half of the escrow key, the text of escrow.jwk beside the agent\'s configuration; none: manifests have no escrow. Needed with controlPlaneKey.')
  escrowPublicKey: string?

  @description('The policies are locked: from then on a deployment leaves them alone, since a locked policy refuses a write.')
  policiesLocked: bool?
}

@export()
@description('How an account is reached. With no ranges and a private endpoint it cannot be reached from the internet at all.')
type networkAccess = {
  @description('Subnet of the private endpoints; empty: none.')
  endpointSubnetId: string

  @description('Subnet that the function app sends from.')
  functionSubnetId: string

  @description('Public address ranges that may reach the service.')
  allowedIpRanges: string[]

  @description('Private DNS zones by the group id of the endpoint (blob, queue, table, vault, sites); empty: DNS is somebody else\'s.')
  dnsZoneIds: { *: string }
}

@export()
@description('What the custom roles are called inside a resource group; see roles.bicep.')
type roleKey = 'reader' | 'adder' | 'mail-clerk' | 'expirer' | 'policy-watcher' | 'report-sender' | 'report-receiver' | 'journal-keeper' | 'key-unwrapper' | 'key-reader' | 'key-signer' | 'secret-reader' | 'function-host'

@export()
@description('The name of a custom role\'s definition: known without asking, so that an assignment needs no output.')
func roleName(resourceGroupId string, key roleKey) string => guid(resourceGroupId, 'holdfast-role', key)

@export()
@description('Days after which a blob is in cool or cold storage for so long that it pays: the tier\'s least stay must fit into what is left of its life.')
func paysToMove(retentionDays int, moveAfterDays int, leastStayDays int) bool => retentionDays - moveAfterDays >= leastStayDays

@export()
@description('What one principal may do in one place.')
type right = {
  role: roleKey
  principalId: string
}

@export()
@description('The same right for several principals.')
func rightsOf(role roleKey, principalIds string[]) right[] => map(principalIds, id => { role: role, principalId: id })

@export()
@description('Days of the policies of data and catalog where a cluster says nothing.')
var defaultImmutabilityDays = 14

@export()
@description('Days of the policy of the log where a cluster says nothing.')
var defaultLogImmutabilityDays = 3650
