#!/usr/bin/env bash
# Puts bicep/ into a resource group, looks whether it is as it should be, and locks it. Every command can be repeated.
#   infra/deploy.sh deploy --group GROUP --parameters FILE.bicepparam [--location REGION] [--dry-run]
#   infra/deploy.sh verify --group GROUP --parameters FILE.bicepparam [--canary CLUSTER]
#   infra/deploy.sh lock   --group GROUP --parameters FILE.bicepparam --restored LABEL [--dry-run] [--yes]
#     --dry-run   says what would be changed, and changes nothing
#     --canary    also tries, as who is signed in, to replace and to delete a blob that it puts into the cluster's data container; the blob stays
#     --restored  the label of a backup that was restored and looked at: without one, nothing is locked
# Needs az, signed in, and jq. docs/azure.md has the same by hand.
set -euo pipefail
GROUP='' PARAMETERS='' LOCATION=westeurope DRY='' CANARY='' RESTORED='' YES='' PASSED=0 FAILED=0
DEPLOYMENT=holdfast # outputs are read by this name

die() { printf 'ERROR: %s\n' "$1" >&2; [ $# -lt 2 ] || printf 'HINT: %s\n' "$2" >&2; exit 1; }

# change COMMAND…: everything that changes something goes through here.
change() {
  if [ -n "$DRY" ]; then printf 'would run: %s\n' "$*"; else "$@"; fi
}

ok() { PASSED=$((PASSED + 1)); printf '  ok    %s\n' "$1"; }
bad() { FAILED=$((FAILED + 1)); printf '  FAIL  %s\n' "$1"; }

# Read before anything is done: a loop over what could not be read would look like success.
read_clusters() {
  local text
  text=$(az bicep build-params --file "$PARAMETERS" --stdout) || die "$PARAMETERS does not compile"
  mapfile -t CLUSTERS < <(jq -r '.parametersJson' <<<"$text" | jq -c '.parameters.clusters.value[]')
  [ ${#CLUSTERS[@]} -gt 0 ] || die "$PARAMETERS names no cluster"
}

output() { az deployment group show --resource-group "$GROUP" --name "$DEPLOYMENT" --query "properties.outputs.$1.value" --output tsv; }

# policy ACCOUNT CONTAINER: its policy as JSON; nothing when there is none, or when it cannot be seen: az says which.
policy() { az storage container immutability-policy show --account-name "$1" --container-name "$2" --output json || true; }

# A deployment writes policies; Azure refuses that for a locked one, in the middle of everything else.
refuse_policies_that_are_locked() {
  local account cluster name container
  account=$(output repositoryAccount 2>/dev/null) || return 0
  [ -n "$account" ] || return 0
  for cluster in "${CLUSTERS[@]}"; do
    [ "$(jq -r '.policiesLocked // false' <<<"$cluster")" = false ] || continue
    name=$(jq -r .name <<<"$cluster")
    for container in data log catalog; do
      [ "$(policy "$account" "$name-$container" | jq -r '.state // ""')" != Locked ] ||
        die "the policy of $name-$container is locked, and $PARAMETERS would write it" "set policiesLocked: true for cluster $name"
    done
  done
}

deploy() {
  local exists
  exists=$(az group exists --name "$GROUP") || die "whether group $GROUP exists cannot be told"
  if [ "$exists" = false ]; then
    change az group create --name "$GROUP" --location "$LOCATION" --output none
    [ -z "$DRY" ] || { printf 'would deploy everything in %s: the group is not there to compare with\n' "$PARAMETERS"; return; }
  fi
  refuse_policies_that_are_locked
  if [ -n "$DRY" ]; then
    az deployment group what-if --resource-group "$GROUP" --name "$DEPLOYMENT" --parameters "$PARAMETERS"
    return
  fi
  az deployment group create --resource-group "$GROUP" --name "$DEPLOYMENT" --parameters "$PARAMETERS" --output none
  az deployment group show --resource-group "$GROUP" --name "$DEPLOYMENT" --query properties.outputs --output json | jq 'map_values(.value)'
}

verify_account() {
  local account=$1 facts
  facts=$(az storage account show --resource-group "$GROUP" --name "$account" --output json)
  if [ "$(jq -r .allowSharedKeyAccess <<<"$facts")" = false ]; then ok "no account key works"; else bad "account keys work"; fi
  if [ "$(jq -r .allowBlobPublicAccess <<<"$facts")" = false ]; then ok "no container can be public"; else bad "containers can be public"; fi
  if [ "$(jq -r '.networkRuleSet.defaultAction' <<<"$facts")" = Deny ]; then ok "only named networks are let in"; else bad "every network is let in"; fi
}

verify_policy() {
  local account=$1 container=$2 days=$3 found
  found=$(policy "$account" "$container")
  case $(jq -r '.state // "none"' <<<"${found:-null}") in
    none | '') bad "$container has no immutability policy"; return ;;
    Locked) ok "$container is locked" ;;
    *) ok "$container is immutable, but not locked yet" ;;
  esac
  if [ "$(jq -r .immutabilityPeriodSinceCreationInDays <<<"$found")" -ge "$days" ]; then ok "$container keeps blobs for at least $days days"; else bad "$container keeps blobs for less than $days days"; fi
}

# What replaces a blob that is there, or gets round its policy.
REPLACING=(write runassuperuser/action immutablestorage/runassuperuser/action modifypermissions/action manageownership/action)

# may_replace ACTIONS: one a line, with * for any text, as roles have them. What a role takes away again (notDataActions) is not looked at: another role may give it.
may_replace() {
  local granted action
  while read -r granted; do
    for action in "${REPLACING[@]}"; do
      # shellcheck disable=SC2053 # a pattern, on purpose
      [[ microsoft.storage/storageaccounts/blobservices/containers/blobs/$action != ${granted,,} ]] || return 0
    done
  done <<<"$1"
  return 1
}

# Whoever could replace a blob: rights at the container, and those that come from above it.
verify_rights() {
  local account=$1 container=$2 scope listed assignment role actions
  scope=$(az storage account show --resource-group "$GROUP" --name "$account" --query id --output tsv)/blobServices/default/containers/$container
  listed=$(az role assignment list --scope "$scope" --include-inherited --output json | jq -c '.[]') || die "the rights in $container cannot be read"
  while read -r assignment; do
    [ -n "$assignment" ] || continue
    role=$(jq -r .roleDefinitionId <<<"$assignment")
    actions=$(az role definition list --name "${role##*/}" --query '[0].permissions[].dataActions[]' --output tsv </dev/null) || die "role ${role##*/} cannot be read"
    if may_replace "$actions"; then
      bad "$(jq -r '.principalName // .principalId' <<<"$assignment") may replace blobs in $container ($(jq -r .roleDefinitionName <<<"$assignment"))"
      return
    fi
  done <<<"$listed"
  ok "nobody may replace a blob in $container"
}

# refused WHAT COMMAND…: the service must say no, and not merely be out of reach.
refused() {
  local what=$1 said; shift
  if said=$("$@" 2>&1); then bad "it was $what"
  elif grep -qE 'ImmutableDueToPolicy|AuthorizationPermissionMismatch|UnauthorizedBlobOverwrite' <<<"$said"; then ok "it cannot be $what"
  else bad "whether it can be $what cannot be told: $said"; fi
}

# try_canary ACCOUNT CONTAINER: immutability holds for whoever asks, so this needs no particular identity but one that may add.
try_canary() {
  local account=$1 container=$2 blob file where
  blob=verify/$(date -u +%Y%m%dT%H%M%SZ)-$RANDOM
  file=$(mktemp)
  printf 'holdfast verify\n' >"$file"
  where=(--account-name "$account" --container-name "$container" --name "$blob" --auth-mode login --output none)
  if az storage blob upload "${where[@]}" --file "$file" --if-none-match '*'; then
    ok "a new blob is taken ($blob)"
    refused replaced az storage blob upload "${where[@]}" --file "$file" --overwrite
    refused deleted az storage blob delete "${where[@]}"
  else
    bad "a new blob is refused: who is signed in may not add, or is in the wrong network"
  fi
  rm -f "$file"
}

verify() {
  local account cluster name container days
  account=$(output repositoryAccount) || die "group $GROUP has no deployment named $DEPLOYMENT" "infra/deploy.sh deploy"
  verify_account "$account"
  for cluster in "${CLUSTERS[@]}"; do
    name=$(jq -r .name <<<"$cluster")
    for container in data log catalog; do
      if [ $container = log ]; then days=$(jq -r '.logImmutabilityDays // 3650' <<<"$cluster"); else days=$(jq -r '.immutabilityDays // 14' <<<"$cluster"); fi
      verify_policy "$account" "$name-$container" "$days"
      verify_rights "$account" "$name-$container"
    done
  done
  [ -z "$CANARY" ] || try_canary "$account" "$CANARY-data"
  printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
  [ "$FAILED" = 0 ]
}

lock() {
  local account cluster name container found state answer
  [ -n "$RESTORED" ] || die "nothing is locked before a restore was rehearsed" "restore a backup, look at your data, and say which with --restored LABEL"
  [[ $RESTORED =~ ^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$ ]] || die "$RESTORED is no label of a backup" "holdfast info lists them: 20260102-020000F"
  account=$(output repositoryAccount) || die "group $GROUP has no deployment named $DEPLOYMENT" "infra/deploy.sh deploy"
  if [ -z "$DRY$YES" ]; then
    printf 'Locks the policies of all clusters in %s, in %s. This cannot be undone: until their days are over nobody can delete these blobs, and they cost.\nType lock to go on: ' "$PARAMETERS" "$account"
    read -r answer || answer=''
    [ "$answer" = lock ] || die "nothing was locked"
  fi
  for cluster in "${CLUSTERS[@]}"; do
    name=$(jq -r .name <<<"$cluster")
    for container in data log catalog; do
      found=$(policy "$account" "$name-$container")
      state=$(jq -r '.state // "none"' <<<"${found:-null}")
      case $state in
        Locked) printf '%s is locked already\n' "$name-$container" ;;
        Unlocked) change az storage container immutability-policy lock --account-name "$account" --container-name "$name-$container" --if-match "$(jq -r .etag <<<"$found")" --output none ;;
        *) die "$name-$container has no policy to lock" "infra/deploy.sh deploy" ;;
      esac
    done
    printf 'Now set policiesLocked: true for cluster %s in %s.\n' "$name" "$PARAMETERS"
  done
}

COMMAND=${1:-}
case $COMMAND in deploy | verify | lock) shift ;; *) die "expected deploy, verify or lock, found '${COMMAND}'" "see the head of infra/deploy.sh" ;; esac
while [ $# -gt 0 ]; do
  case $1 in
    --group) GROUP=${2:?--group needs a name}; shift 2 ;;
    --parameters) PARAMETERS=${2:?--parameters needs a file}; shift 2 ;;
    --location) LOCATION=${2:?--location needs a region}; shift 2 ;;
    --canary) CANARY=${2:?--canary needs a cluster}; shift 2 ;;
    --restored) RESTORED=${2:?--restored needs the label of a backup}; shift 2 ;;
    --dry-run) DRY=1; shift ;;
    --yes) YES=1; shift ;;
    *) die "unknown option $1" "see the head of infra/deploy.sh" ;;
  esac
done
{ [ -n "$GROUP" ] && [ -n "$PARAMETERS" ]; } || die "--group and --parameters are needed" "see the head of infra/deploy.sh"
[ -f "$PARAMETERS" ] || die "there is no file $PARAMETERS"
for program in az jq; do command -v "$program" >/dev/null || die "$program is not installed"; done
az account show --output none 2>/dev/null || die "az is not signed in" "az login"
read_clusters
"$COMMAND"
