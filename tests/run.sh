#!/usr/bin/env bash
# Builds everything and runs every test, on a bare Debian with root, the .NET SDK and node. The last line is the verdict.
#   tests/run.sh [--filter EXPRESSION] [--long]
#     --filter   only these tests, as dotnet test understands it; the build is checked all the same
#     --long     the tests that take patience, too
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0 skipped=0 testsRan=0 filter=()
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

set_up() {
  local major
  need_build && need_packages jq && need_azurite && need_clients && need_clean_root || return 1
  for major in 14 15 16 17 18; do need_postgres "$major" && place "postgres/$major" || return 1; done
  # Clients of the newest, and what judges data directories: pg_verifybackup of 17 and 18, pg_checksums of each version that has one.
  for major in "$CLIENTS_MAJOR" 17 15; do need_tools "$major" && place "tools/$major" || return 1; done
  export HOLDFAST_TEST_AZURITE=$AZURITE HOLDFAST_TEST_POSTGRES=$SCRATCH/postgres HOLDFAST_TEST_CLIENTS=$SCRATCH/tools/$CLIENTS_MAJOR/bin
  export HOLDFAST_TEST_AGENT=$SCRATCH/agent/holdfast HOLDFAST_TEST_CONTROL_PLANE=$SCRATCH/control-plane/holdfast-control-plane.dll HOLDFAST_TEST_INTEGRATION=1
  export HOLDFAST_TEST_CLEAN_ROOT=${CLEAN_ROOT:-} HOLDFAST_TEST_NO_CLEAN_ROOT=${NO_CLEAN_ROOT:-}
}

# The results files say how many; the console says what failed and why.
count_results() {
  local total executed ok
  while read -r total executed ok; do
    testsRan=$((testsRan + executed)) passed=$((passed + ok)) failed=$((failed + executed - ok)) skipped=$((skipped + total - executed))
  done < <(sed -n 's/.*<Counters total="\([0-9]*\)" executed="\([0-9]*\)" passed="\([0-9]*\)".*/\1 \2 \3/p' "$SCRATCH"/results/*.trx)
}

# In the background, so that a signal to this script is acted on at once.
run_tests() {
  local before=$failed
  mkdir -p "$SCRATCH/results" "$SCRATCH/tmp"
  TMPDIR=$SCRATCH/tmp dotnet test Serverless.sln -c Release --no-build "${filter[@]}" --results-directory "$SCRATCH/results" \
    --logger trx --logger 'console;verbosity=minimal' --blame-hang-timeout 15m --blame-hang-dump-type none &
  wait $!
  local exitCode=$?
  count_results
  [ $exitCode = 0 ] || [ "$failed" -gt "$before" ] || failed=$((failed + 1))
}

while [ $# -gt 0 ]; do
  case $1 in
    --filter) filter=(--filter "${2:?--filter needs an expression}"); shift 2 ;;
    --long) export HOLDFAST_TEST_LONG=1; shift ;;
    *) die "unknown option $1; see the head of tests/run.sh" ;;
  esac
done

trap finish EXIT
trap 'failed=$((failed + 1)); exit 130' INT TERM
make_scratch
check set_up || exit
check step "scripts" check_scripts
check publish_agent "$SCRATCH/agent" || exit
check step "build" dotnet build Serverless.sln -c Release || exit
check publish_control_plane "$SCRATCH/control-plane" || exit
check step "format" check_format
run_tests
