#!/usr/bin/env bash
# Builds everything and runs every test, on a bare Debian with root, the .NET SDK and node. The last line is the verdict.
#   tests/run.sh [--filter EXPRESSION] [--long] [--engine durable]
#     --filter   only these tests, as dotnet test understands it; the build is checked all the same
#     --long     the tests that take patience, too
#     --engine   durable: nothing but the workflow suite on Durable Task over Azurite (tests/durable). A plain run ends with it, unless its packages are not to be had
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0 skipped=0 testsRan=0 filter=() engine=
# shellcheck source=infra/setup.sh
. infra/setup.sh

finish() {
  trap - EXIT INT TERM
  remove_scratch
  [ "$testsRan" -gt 0 ] || [ "$failed" -gt 0 ] || failed=1
  [ "$skipped" = 0 ] || local rest=", $skipped skipped"
  printf '%d passed, %d failed%s\n' "$passed" "$failed" "${rest:-}"
  [ "$failed" = 0 ] || exit 1
  exit 0
}

# check COMMAND…: a check of the build; counts as one test.
check() {
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); return 1; fi
}

check_scripts() {
  local script
  for script in $(git ls-files '*.sh' .ci/run); do bash -n "$script" || return 1; done
  ! command -v shellcheck >/dev/null || git ls-files '*.sh' .ci/run | xargs -r shellcheck -x
}

check_format() {
  dotnet format whitespace Serverless.sln --verify-no-changes --no-restore && dotnet format style Serverless.sln --verify-no-changes --no-restore
}

# The control plane for Azure Functions. Where its packages are not to be had, types are checked against declarations of them, if there are any: a folder of packages
# that HOLDFAST_FUNCTIONS_DECLARATIONS names, or shared/feed beside the repository.
check_functions() {
  local log=$SCRATCH/functions.log declarations=${HOLDFAST_FUNCTIONS_DECLARATIONS:-$ROOT/../shared/feed}
  unset HOLDFAST_FUNCTIONS_DECLARATIONS
  if dotnet build functions/Holdfast.Functions.csproj -c Release -p:FunctionsHost=Azure >"$log" 2>&1; then
    passed=$((passed + 1))
    export HOLDFAST_TEST_AZURE_FLAVOUR=$ROOT/functions/bin/azure/Release/net10.0
    printf '  Azure Functions flavour: built with the real packages\n'
  elif ! grep -qE 'error NU110[12]' "$log"; then
    failed=$((failed + 1))
    cat "$log"
  elif [ ! -d "$declarations" ]; then
    skipped=$((skipped + 1))
    printf '  Azure Functions flavour: skipped, its packages are not to be had here\n'
  elif declare_functions "$declarations" >"$log" 2>&1; then
    passed=$((passed + 1))
    printf '  Azure Functions flavour: its types are right, by declarations of its packages; it was not built with the real ones\n'
  else
    failed=$((failed + 1))
    cat "$log"
  fi
}

# In a copy and with a folder of packages of its own, so that what bears the real names is never taken for real.
declare_functions() {
  local copy=$SCRATCH/declared
  mkdir -p "$copy/source" && git ls-files core functions host.json global.json .editorconfig 'Directory.*' | tar -cT - | tar -xC "$copy/source" || return 1
  find "$copy/source" -name 'packages*.lock.json' -delete
  dotnet build "$copy/source/functions/Holdfast.Functions.csproj" -c Release -p:FunctionsHost=Azure -p:FunctionsPackages=Declarations -p:RestorePackagesWithLockFile=false \
    "-p:RestoreAdditionalProjectSources=$1" "-p:RestorePackagesPath=$copy/packages" "-p:RestoreFallbackFolders=${NUGET_PACKAGES:-$HOME/.nuget/packages}"
}

set_up() {
  local major
  need_build && need_packages jq systemd && need_azurite && need_clients && need_clean_root || return 1
  for major in 14 15 16 17 18; do need_postgres "$major" && place "postgres/$major" || return 1; done
  # Clients of the newest, and what judges data directories: pg_verifybackup of 17 and 18, pg_checksums of each version that has one.
  for major in "$CLIENTS_MAJOR" 17 15; do need_tools "$major" && place "tools/$major" || return 1; done
  export HOLDFAST_TEST_AZURITE=$AZURITE HOLDFAST_TEST_POSTGRES=$SCRATCH/postgres HOLDFAST_TEST_CLIENTS=$SCRATCH/tools/$CLIENTS_MAJOR/bin
  export HOLDFAST_TEST_AGENT=$SCRATCH/agent/holdfast HOLDFAST_TEST_CONTROL_PLANE=$SCRATCH/control-plane/holdfast-control-plane.dll HOLDFAST_TEST_INTEGRATION=1
  export HOLDFAST_TEST_CLEAN_ROOT=${CLEAN_ROOT:-} HOLDFAST_TEST_NO_CLEAN_ROOT=${NO_CLEAN_ROOT:-}
}

# The packages of Durable Task: not every feed has them.
restore_durable() { step "packages of Durable Task" dotnet restore "$DURABLE"; }

set_up_durable() {
  need_azurite || return 1
  export HOLDFAST_TEST_AZURITE=$AZURITE HOLDFAST_TEST_INTEGRATION=1
}

test_durable() {
  check step "build with Durable Task" dotnet build "$DURABLE" -c Release --no-restore || return
  check step "format with Durable Task" dotnet format whitespace "$DURABLE" --verify-no-changes --no-restore
  run_tests "$DURABLE" durable
}

# The results files in a folder say how many; the console says what failed and why.
count_results() {
  local total executed ok
  while read -r total executed ok; do
    testsRan=$((testsRan + executed)) passed=$((passed + ok)) failed=$((failed + executed - ok)) skipped=$((skipped + total - executed))
  done < <(sed -n 's/.*<Counters total="\([0-9]*\)" executed="\([0-9]*\)" passed="\([0-9]*\)".*/\1 \2 \3/p' "$1"/*.trx)
}

# run_tests PROJECT FOLDER. In the background, so that a signal to this script is acted on at once.
run_tests() {
  local before=$failed results=$SCRATCH/results/$2
  mkdir -p "$results" "$SCRATCH/tmp"
  TMPDIR=$SCRATCH/tmp dotnet test "$1" -c Release --no-build "${filter[@]}" --results-directory "$results" \
    --logger trx --logger 'console;verbosity=minimal' --blame-hang-timeout 15m --blame-hang-dump-type none &
  wait $!
  local exitCode=$?
  count_results "$results"
  [ $exitCode = 0 ] || [ "$failed" -gt "$before" ] || failed=$((failed + 1))
}

while [ $# -gt 0 ]; do
  case $1 in
    --filter) filter=(--filter "${2:?--filter needs an expression}"); shift 2 ;;
    --long) export HOLDFAST_TEST_LONG=1; shift ;;
    --engine) engine=${2:?--engine needs a name}; [ "$engine" = durable ] || die "unknown engine $engine; have durable"; shift 2 ;;
    *) die "unknown option $1; see the head of tests/run.sh" ;;
  esac
done

trap finish EXIT
trap 'failed=$((failed + 1)); exit 130' INT TERM
make_scratch
DURABLE=tests/durable/Holdfast.Tests.Durable.csproj
if [ "$engine" = durable ]; then
  check set_up_durable && check restore_durable && test_durable
  exit
fi

check set_up || exit
check step "scripts" check_scripts
check publish_agent "$SCRATCH/agent" || exit
check step "build" dotnet build Serverless.sln -c Release || exit
check publish_control_plane "$SCRATCH/control-plane" || exit
check_functions
check step "format" check_format
run_tests Serverless.sln main
if restore_durable; then
  test_durable
else
  printf '  skipped: the workflow suite on Durable Task (tests/durable), whose packages cannot be restored here\n' >&2
  skipped=$((skipped + 1))
fi
