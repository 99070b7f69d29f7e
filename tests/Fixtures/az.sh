#!/bin/bash
# Stands for az, signed in to a subscription that is the folder $FAKE_AZ: notes each call in "calls", answers from its files, and changes them.
#   exists       whether the group is there         policies/NAME  a container's policy     assignments.json  of every container
#   deployed     the deployment's outputs, once     roles/ID       a role's data actions    account.json      of the repository
#   clusters.json  the parameter "clusters"         blobs/         what was uploaded        mutable           blobs can be replaced
#   fail         patterns of calls that fail, one a line
set -euo pipefail
cd "$FAKE_AZ"
printf '%s\n' "$*" >>calls
refuse() { printf 'ERROR: %s\n' "$1" >&2; exit "${2:-1}"; }

# after OPTION: the word behind it.
after() {
  local option=$1 word found=''
  for word in "${WORDS[@]}"; do
    if [ -n "$found" ]; then printf '%s\n' "$word"; return; fi
    [ "$word" != "$option" ] || found=1
  done
}

WORDS=("$@")
while read -r pattern; do
  # shellcheck disable=SC2053 # a pattern, on purpose
  [[ $* != $pattern ]] || refuse "(AuthorizationFailed) this call fails"
done < <(cat fail 2>/dev/null)

deploy() {
  local name container days
  while read -r name; do
    for container in data log catalog; do
      days=14
      [ $container != log ] || days=3650
      [ -e "policies/$name-$container" ] || printf '{"state": "Unlocked", "etag": "etag-%s", "immutabilityPeriodSinceCreationInDays": %d}\n' "$container" "$days" >"policies/$name-$container"
    done
  done < <(jq -r '.[].name' clusters.json)
  printf '{"repositoryAccount": {"value": "sthf"}}\n' >deployed
}

lock() {
  local policy
  policy=policies/$(after --container-name)
  [ "$(jq -r .etag "$policy")" = "$(after --if-match)" ] || refuse '(ConditionNotMet)'
  [ "$(jq -r .state "$policy")" = Unlocked ] || refuse '(PolicyLocked)'
  jq '.state = "Locked"' "$policy" >policy.new
  mv policy.new "$policy"
}

upload() {
  local blob
  blob=blobs/$(after --name | tr / _)
  if [ -e "$blob" ] && [ ! -e mutable ]; then refuse 'BlobImmutableDueToPolicy'; fi
  cp "$(after --file)" "$blob"
}

case $* in
  'account show '*) ;;
  'bicep build-params '*) jq '{parametersJson: ({parameters: {clusters: {value: .}}} | tojson)}' clusters.json ;;
  'group exists '*) cat exists ;;
  'group create '*) echo true >exists ;;
  'deployment group show '*properties.outputs.repositoryAccount.value*) jq -r .repositoryAccount.value deployed 2>/dev/null || refuse '(DeploymentNotFound)' 3 ;;
  'deployment group show '*) cat deployed ;;
  'deployment group what-if '*) echo 'Resource changes: 3 to create.' ;;
  'deployment group create '*) deploy ;;
  'storage account show '*'--query id'*) echo /subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/sthf ;;
  'storage account show '*) cat account.json ;;
  'storage container immutability-policy show '*) cat "policies/$(after --container-name)" 2>/dev/null || refuse '(ContainerImmutabilityPolicyNotFound)' 3 ;;
  'storage container immutability-policy lock '*) lock ;;
  'storage blob upload '*) upload ;;
  'storage blob delete '*) [ -e mutable ] || refuse 'BlobImmutableDueToPolicy'; rm "blobs/$(after --name | tr / _)" ;;
  'role assignment list '*) cat assignments.json ;;
  'role definition list '*) cat "roles/$(after --name)" ;;
  *) refuse "not expected: $*" 2 ;;
esac
