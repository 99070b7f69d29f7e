#!/usr/bin/env bash
# Holdfast in one run: a PostgreSQL server is backed up and archives into a blob store, somebody drops a table, and it comes back, row by row.
#   infra/demo.sh [--pg 14..18] [--keep]
#   infra/demo.sh --end FOLDER      ends what --keep left running
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=infra/setup.sh
. infra/setup.sh
# shellcheck source=infra/services.sh
. infra/services.sh
MAJOR=17 KEEP='' SCALE=30 LOAD_SECONDS=10 SERVER_ENVIRONMENT=() SETTINGS=(max_wal_size=2GB wal_compression=on)
DAMAGED=0 VERDICTS=''

say() { printf '\n%s\n' "$*" >&2; }
row() { printf '  %-33s %s\n' "$1" "$2" >>"$SCRATCH/report"; }
human() { numfmt --to=iec-i --suffix=B --format='%.1f' "$1" | sed 's/\([KMGT]i\)\{0,1\}B$/ \1B/'; }
grouped() { sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$1"; }
now() { date +%s.%N; }
since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f s", to - from }'; }

# --- What is particular to Holdfast ---------------------------------------------------------------------------------------------------

# The longest part of a first run needs a compiler and nothing else: it goes on while servers are fetched, started and filled.
publish() { publish_control_plane "$SCRATCH/control-plane" && publish_agent "$SCRATCH/agent"; }

# Each role has a folder of its own; here they lie side by side, on real machines they must not.
make_cluster() {
  local keys=$SCRATCH/run/keys/shop
  read -r CONTROL_PORT < <(free_ports 1)
  as_server holdfast init --cluster=shop --repo-auth=connection-string --repo-connection-string-file="$SCRATCH/secrets/connection-string" \
    --repo-ca-file="$TLS/ca.pem" --key-path="$SCRATCH/run/keys" --control-plane-url="http://127.0.0.1:$CONTROL_PORT" --yes
  AGENT="--config=$keys/agent/holdfast.conf" HOST=("$AGENT" --pg-path="$SCRATCH/run/data")
  RESTORER="--config=$keys/restorer/holdfast.conf" CONTROL_PLANE="--config=$keys/control-plane/holdfast.conf"
}

start_control_plane() {
  as_server dotnet "$SCRATCH/control-plane/holdfast-control-plane.dll" "$CONTROL_PLANE" >"$SCRATCH/control-plane.log" 2>&1 &
  disown
  until_true 60 "the control plane to listen; see $SCRATCH/control-plane.log" listens "$CONTROL_PORT"
}

start_agent() {
  as_server holdfast agent "${HOST[@]}" >"$SCRATCH/agent.log" 2>&1 &
  disown
}

# --- The story ------------------------------------------------------------------------------------------------------------------------

set_up() {
  case $MAJOR in 18) TOOLS=18 ;; *) TOOLS=17 ;; esac
  case $MAJOR in 14 | 15 | 16) CHECKSUMS=15 ;; *) CHECKSUMS=$TOOLS ;; esac # pg_checksums judges the control file of 13 to 16, or its own
  need_build
  publish &
  PUBLISHING=$!
  need_packages openssl
  need_azurite
  need_postgres "$MAJOR"
  need_tools $TOOLS
  need_tools $CHECKSUMS
  place "postgres/$MAJOR"
  place "tools/$TOOLS"
  place "tools/$CHECKSUMS"
  CLIENTS=$SCRATCH/tools/$TOOLS/bin
  install -d -m 700 -o 65534 -g 65534 "$SCRATCH/run" "$SCRATCH/run/spool"
  SERVER_ENVIRONMENT=(HOLDFAST_STATE_PATH="$SCRATCH/run/state" HOLDFAST_SPOOL_PATH="$SCRATCH/run/spool"
    HOLDFAST_PG_SOCKET_PATH="$SCRATCH/run" HOLDFAST_PG_USER=postgres)
}

start_servers() {
  step 'certificate' make_certificate
  start_azurite
  step 'initdb' server_program initdb -D "$SCRATCH/run/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --data-checksums
  start_postgres 5432 "$SCRATCH/run/data" "${SETTINGS[@]}"
  step 'load 18 tables' load_tables
}

# A shop: orders, thirteen tables of many types, and pgbench's four.
load_tables() {
  local table
  sql 5432 "CREATE TABLE orders AS SELECT n AS id, n % 50000 AS customer, now() - n * interval '1 minute' AS placed,
      (n % 9973)::numeric / 100 AS total, md5(n::text) || md5((n + 1)::text) AS note FROM generate_series(1, 1000000) AS n" \
    'ALTER TABLE orders ADD PRIMARY KEY (id)' 'CREATE INDEX ON orders (customer, placed)'
  for table in customers addresses products categories suppliers stock prices carts payments shipments refunds reviews coupons; do
    sql 5432 "CREATE TABLE $table (id bigint PRIMARY KEY, name text, words text[], document jsonb, picture bytea, changed timestamptz)" \
      "INSERT INTO $table SELECT n, '$table ' || n, ARRAY[md5(n::text), NULL, ''], jsonb_build_object('n', n, 'h', md5(n::text)),
        decode(repeat(md5((n * 7)::text), 1 + n % 40), 'hex'), now() FROM generate_series(1, 5000) AS n" "CREATE INDEX ON $table USING gin (document)"
  done
  as_server pgbench -i -q -s $SCALE
}

# Keys and log; the services; the host makes itself known to them; its server archives from now on.
protect() {
  step 'holdfast init' make_cluster
  step 'control plane' start_control_plane
  step 'holdfast register' as_server holdfast register "${HOST[@]}" --yes
  start_agent
  stop_postgres "$SCRATCH/run/data"
  start_postgres 5432 "$SCRATCH/run/data" "${SETTINGS[@]}" archive_mode=on "archive_command=holdfast archive-push $AGENT %p"
  step 'holdfast check' as_server holdfast check "${HOST[@]}"
}

back_up() {
  LOADED="$(human "$(sql 5432 "SELECT sum(pg_database_size(oid)) FROM pg_database")") cluster, PostgreSQL $(sql 5432 'SHOW server_version')"
  local started; started=$(now)
  step 'holdfast backup --type=full' as_server holdfast backup "$AGENT" --type=full
  BACKUP="$(since "$started"), $(sed -n 's/.* \([0-9.]* [KMGT]iB\) read, \([0-9.]* [KMGT]iB stored ([0-9.]*:1)\).*/\1 in \2/p' "$CACHE/log/holdfast-backup---type-full.log" | tail -n 1)"
}

write_load() { as_server pgbench -n -c 4 -j 2 -T $LOAD_SECONDS >"$SCRATCH/load-$1.log" 2>&1; }

# checksums PORT: one line per table: its name, the rows, and two sums over the hashes of all rows, whatever their order.
checksums() {
  local table
  for table in $(sql "$1" "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"); do
    sql "$1" "SELECT '$table', count(*), coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint::numeric), 0), coalesce(sum(('x' || right(hash, 16))::bit(64)::bigint::numeric), 0)
      FROM (SELECT md5($table::text) AS hash FROM $table) AS hashes"
  done
}

archived_all() {
  [ "$(sql 5432 "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")" = 0 ]
}

# The load pauses for the moment that is compared, and goes on after it; then somebody makes a mistake.
disaster() {
  write_load before
  checksums 5432 >"$SCRATCH/expected"
  MOMENT=$(sql 5432 'SELECT clock_timestamp()')
  sleep 1
  write_load after &
  local load=$!
  sleep 3
  DROPPED=$(sql 5432 'DROP TABLE orders' "SELECT to_char(clock_timestamp(), 'FMDay HH24:MI:SS')")
  wait $load
  sql 5432 'SELECT pg_switch_wal()' >/dev/null
  until_true 300 "the archive; see $SCRATCH/postgres-5432.log" archived_all
}

recovered() { [ "$(sql 5433 'SELECT pg_is_in_recovery()')" = f ]; }

# verdict COMMAND…: a check that must succeed; adds to $VERDICTS.
verdict() {
  local name=$1; shift
  if step "$name" "$@"; then VERDICTS+=" · $name ok"; else VERDICTS+=" · $name FAILED" DAMAGED=1; fi
}

# The files are judged before a server has touched them: by PostgreSQL's own program, against the manifest that the restore left.
restore() {
  local started; started=$(now)
  step 'holdfast restore' as_server holdfast restore "$RESTORER" --pg-path="$SCRATCH/run/restored" --target-time="$MOMENT" --target-action=promote --yes
  RESTORED=$(since "$started")
  verdict pg_verifybackup as_server pg_verifybackup --no-parse-wal "$SCRATCH/run/restored"
  started=$(now)
  start_postgres 5433 "$SCRATCH/run/restored"
  until_true 600 "recovery; see $SCRATCH/postgres-5433.log" recovered
  REPLAYED=$(since "$started")
}

# --- The proof ------------------------------------------------------------------------------------------------------------------------

# equal GREP-OPTION PATTERN: compares the lines that match, or do not.
equal() { diff <(grep "$1" "$2" "$SCRATCH/expected") <(grep "$1" "$2" "$SCRATCH/actual") >"$SCRATCH/different"; }

compare() {
  local others rows orders
  checksums 5433 >"$SCRATCH/actual"
  orders=$(sql 5433 "SELECT to_char(count(*), 'FM9,999,999') FROM orders" || echo no)
  if equal -e '^orders|'; then row orders "$orders rows: all equal"; else row orders "$orders rows: DIFFERENT" DAMAGED=1; fi
  others=$(grep -vc '^orders|' "$SCRATCH/expected")
  if equal -v '^orders|'; then rows="all equal"; else rows="DIFFERENT: $(sed -n 's/^[<>] \([^|]*\).*/\1/p' "$SCRATCH/different" | sort -u | xargs)" DAMAGED=1; fi
  verdict pg_amcheck as_server pg_amcheck -p 5433 --all --install-missing --heapallindexed
  [ -n "$KEEP" ] || {
    stop_postgres "$SCRATCH/run/restored"
    verdict pg_checksums as_server "$SCRATCH/tools/$CHECKSUMS/bin/pg_checksums" --check -D "$SCRATCH/run/restored"
  }
  row 'everything else' "$others tables: $rows$VERDICTS"
}

report_history() {
  local segments waiting transactions
  segments=$(sql 5432 'SELECT archived_count FROM pg_stat_archiver')
  waiting=$(sql 5432 "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
  transactions=$(cat "$SCRATCH"/load-*.log | sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum }')
  row what result
  row loaded "orders: 1,000,000 rows, $LOADED"
  row 'full backup' "$BACKUP"
  row 'write load' "$(grouped "$transactions") transactions, $segments segments archived, ${waiting/#0/none} waiting"
  row "$DROPPED" 'DROP TABLE orders'
  row 'back to just before' "restore $RESTORED, replay $REPLAYED"
}

# A way to run anything as the servers' user, with the environment that the demo's own commands had.
leave_a_way_in() {
  {
    printf '#!/usr/bin/env bash\n# %s/play COMMAND…, for example: play holdfast info\n' "$SCRATCH"
    declare -p SCRATCH CLIENTS SERVER_ENVIRONMENT
    printf 'SERVER_ENVIRONMENT+=(HOLDFAST_CONFIG=%q HOLDFAST_PG_PATH=%q)\n' "${AGENT#--config=}" "$SCRATCH/run/data"
    declare -f as_server
    printf 'as_server "$@"\n'
  } >"$SCRATCH/play"
  chmod 755 "$SCRATCH/play"
}

finish() {
  local exitCode=$?
  trap - EXIT INT TERM
  if [ -n "$KEEP" ] && [ $exitCode = 0 ]; then exit; fi
  [ $exitCode = 0 ] || tail -n 20 "$SCRATCH"/postgres-*.log >&2 2>/dev/null || true
  remove_scratch
  exit $exitCode
}

conclude() {
  cat "$SCRATCH/report"
  if [ "$DAMAGED" != 0 ]; then printf '  FAILED after %s s\n' $SECONDS; exit 1; fi
  if [ -z "$KEEP" ]; then
    remove_scratch
    printf '  OK in %s s. Left running: nothing. Try it yourself: infra/demo.sh --keep\n' $SECONDS
    return
  fi
  leave_a_way_in
  printf '  OK in %s s. Left running: both servers, agent, control plane, store. Play:\n' $SECONDS
  sed "s|PLAY|$SCRATCH/play|" <<'END'
    PLAY psql                          the server that lost its orders
    PLAY psql -p 5433                  the restored copy
    PLAY holdfast info                 what can be restored
    PLAY holdfast backup --type=full   another backup
END
  printf '    %s/play holdfast restore %s --pg-path=%s/run/another --dry-run\n    infra/demo.sh --end %s\n' "$SCRATCH" "$RESTORER" "$SCRATCH" "$SCRATCH"
}

while [ $# -gt 0 ]; do
  case $1 in
    --pg) MAJOR=${2:?--pg needs 14 to 18}; shift 2 ;;
    --keep) KEEP=1; shift ;;
    --end) SCRATCH=$(realpath "${2:?--end needs the folder}"); [ -e "$SCRATCH/report" ] || die "$SCRATCH is no folder of a demo"; remove_scratch; exit ;;
    *) die "unknown option $1; see the head of infra/demo.sh" ;;
  esac
done
case $MAJOR in 14 | 15 | 16 | 17 | 18) ;; *) die "--pg $MAJOR: have 14 to 18" ;; esac

make_scratch
trap finish EXIT
trap 'exit 130' INT TERM
say 'Setting up, and loading what is to be lost'
set_up
start_servers
wait $PUBLISHING || die 'Holdfast was not built'
say 'Protecting it'
protect
back_up
say 'Writing, dropping a table, writing on'
disaster
say 'Restoring to just before, comparing'
restore
report_history
compare
conclude
