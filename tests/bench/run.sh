#!/usr/bin/env bash
# Measures Holdfast and its peer in turn, on this machine; prints one line of JSON for each variant.
#   tests/bench/run.sh push
#   tests/bench/run.sh full [--variant=compressible|incompressible]       both, unless one is named; --cold: nothing of the database in the page cache
#   tests/bench/run.sh restore [--variant=compressible|incompressible]    compressible, unless named
#   tests/bench/run.sh start                                              how soon the embedded control plane answers; no peer
#   tests/bench/run.sh frames                                             sizes of frames and both zstd on real pages; no peer
#   tests/bench/run.sh reads                                              sizes of reads and what the kernel is told, from the disk and the page cache; no peer
#     --only-peer    the peer alone, to learn what this machine gives
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=infra/setup.sh
. infra/setup.sh

# Everything measured runs as nobody, from the start, so that nothing but the tools themselves is between the clock and the work.
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- env HOLDFAST_TEST_SCRATCH="$SCRATCH/run" HOME="$SCRATCH/home" TMPDIR="$SCRATCH/home" "$@"; }

make_scratch
trap remove_scratch EXIT
trap 'exit 130' INT TERM
need_build
need_postgres 17
need_tools 17
place postgres/17
place tools/17
if [[ ${1:-} != @(frames|reads) ]]; then
    need_azurite
    if [[ ${1:-} != start ]]; then
        need_pgbackrest
        place pgbackrest
    fi
    cp -al "$CACHE/azurite" "$SCRATCH/" 2>/dev/null || cp -a "$CACHE/azurite" "$SCRATCH/"
    publish_agent "$SCRATCH/agent"
    publish_control_plane "$SCRATCH/control-plane"
fi
step "benchmark" dotnet publish tests/bench/Holdfast.Bench.csproj -c Release -o "$SCRATCH/bench"
install -d -o 65534 -g 65534 "$SCRATCH/home" "$SCRATCH/run"
export HOLDFAST_TEST_AZURITE=$SCRATCH/azurite/node_modules/.bin/azurite HOLDFAST_TEST_POSTGRES=$SCRATCH/postgres
export HOLDFAST_TEST_CLIENTS=$SCRATCH/tools/17/bin HOLDFAST_TEST_AGENT=$SCRATCH/agent/holdfast
export HOLDFAST_TEST_CONTROL_PLANE=$SCRATCH/control-plane/holdfast-control-plane.dll
export HOLDFAST_TEST_PGBACKREST=$SCRATCH/pgbackrest/bin/pgbackrest
as_nobody dotnet "$SCRATCH/bench/Holdfast.Bench.dll" "$@" &
wait $!
