#!/usr/bin/env bash
# Makes a database host one of a cluster's: package, configuration, registration, archiving, a check, the first full backup. Run as root on the host, again after any failure.
#   infra/onboard.sh --configuration agent [--package FILE.deb] [--pg-user postgres] [--pgport 5432] [--dry-run] [--restart] [--no-backup]
#     --package        of infra/package.sh; needed where it is not installed yet
#     --configuration  the folder that `holdfast init` wrote for agents; it has public keys and the one-time token
#     --restart        allows a restart of PostgreSQL, where archive_mode was off
#     --no-backup      leaves the first full backup to the schedule
set -euo pipefail
CONFIGURATION='' PACKAGE='' PG_USER=postgres PORT=5432 DRY='' RESTART='' BACKUP=1

die() { printf 'ERROR: %s\n' "$1" >&2; [ $# -lt 2 ] || printf 'HINT: %s\n' "$2" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }

# change COMMAND…: everything that changes something goes through here.
change() {
  if [ -n "$DRY" ]; then printf 'would run: %s\n' "$*"; else "$@"; fi
}

# Files that are there already are an administrator's, or an earlier run's: a configuration may have been completed by hand, another key is another cluster's.
refuse_other_keys() {
  local file there
  for file in "$CONFIGURATION"/*; do
    there=/etc/holdfast/${file##*/}
    case $file in */holdfast.conf | */enrolment-token) continue ;; esac
    [ ! -e "$there" ] || cmp -s "$file" "$there" || die "$there differs from $file" "is it another cluster's? After a rotation of keys, copy it by hand"
  done
}

place_configuration() {
  local file there
  change install -d -m 0750 -o "$PG_USER" -g "$PG_USER" /etc/holdfast
  for file in "$CONFIGURATION"/*; do
    there=/etc/holdfast/${file##*/}
    if [ "$there" = /etc/holdfast/holdfast.conf ] && [ -e "$there" ]; then
      cmp -s "$file" "$there" || say "$there is kept as it is."
    else
      change install -m 0600 -o "$PG_USER" -g "$PG_USER" "$file" "$there"
    fi
  done
}

# The package is made for the user postgres.
run_as_another_user() {
  local folder=/etc/systemd/system/holdfast-agent.service.d
  change mkdir -p "$folder"
  change write "$folder/user.conf" "[Service]" "User=$PG_USER" "Group=$(id -gn "$PG_USER")"
  change chown -R "$PG_USER:" /etc/holdfast /var/lib/holdfast /var/spool/holdfast
  change systemctl daemon-reload
}

write() { local file=$1; shift; printf '%s\n' "$@" >"$file"; }

# complete OPTION VALUE: what init could not know; what is there already stays.
complete() { grep -qE "^[[:space:]]*$1[[:space:]]*=" /etc/holdfast/holdfast.conf || printf '%s = %s\n' "$1" "$2" >>/etc/holdfast/holdfast.conf; }

server_answers() {
  for _ in $(seq 120); do
    if sql 'SELECT 1' >/dev/null 2>&1; then return; fi
    sleep 0.5
  done
  die "PostgreSQL does not answer after its restart" "look at its log; then run this again"
}

as_postgres() { runuser -u "$PG_USER" -- "$@"; }
sql() { as_postgres psql --port="$PORT" --dbname=postgres --no-psqlrc --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }

while [ $# -gt 0 ]; do
  case $1 in
    --configuration) CONFIGURATION=$(realpath -m "${2:?--configuration needs a folder}"); shift 2 ;;
    --package) PACKAGE=$(realpath -m "${2:?--package needs a file}"); shift 2 ;;
    --pg-user) PG_USER=${2:?--pg-user needs a name}; shift 2 ;;
    --pgport) PORT=${2:?--pgport needs a number}; shift 2 ;;
    --dry-run) DRY=1; shift ;;
    --restart) RESTART=1; shift ;;
    --no-backup) BACKUP=''; shift ;;
    *) die "unknown option $1" "see the head of infra/onboard.sh" ;;
  esac
done

# Nothing is changed before all of this holds.
[ "$(id -u)" = 0 ] || die "only root can put the configuration in place"
cd / # where every user may be
if [ -n "$PACKAGE" ]; then [ -f "$PACKAGE" ] || die "there is no file $PACKAGE"
else command -v holdfast >/dev/null || die "holdfast is not installed" "--package names the package that infra/package.sh builds"; fi
id "$PG_USER" >/dev/null 2>&1 || die "there is no user $PG_USER" "--pg-user names the user that PostgreSQL runs as"
[ -f /etc/holdfast/holdfast.conf ] || [ -f "$CONFIGURATION/holdfast.conf" ] || die "there is no configuration" "--configuration names the folder that init wrote for agents"
VERSION=$(sql 'SHOW server_version_num') || die "PostgreSQL cannot be asked on port $PORT as $PG_USER" "is it running? --pgport names another port"
[ "$VERSION" -ge 140000 ] || die "PostgreSQL $VERSION is older than 14"
[ "$(sql 'SELECT pg_is_in_recovery()')" = f ] || die "this is a standby" "run this on the primary"
COMMAND=$(sql 'SHOW archive_command')
# With archive_mode off the server does not tell which command it has.
[ "$COMMAND" != '(disabled)' ] || COMMAND=$(sql "SELECT setting FROM pg_file_settings WHERE name = 'archive_command' ORDER BY seqno DESC LIMIT 1")
case $COMMAND in
  '' | 'holdfast archive-push '* | /*'/holdfast archive-push '*) ;;
  *) die "archive_command is in use: $COMMAND" "another tool archives from here: end that first, or its backups have gaps" ;;
esac
[ -z "$(sql 'SHOW archive_library' 2>/dev/null || true)" ] || die "archive_library is set, and PostgreSQL does not take an archive_command beside it"
[ -z "$CONFIGURATION" ] || refuse_other_keys

[ -z "$PACKAGE" ] || change apt-get install --yes --quiet --no-install-recommends "$PACKAGE"
[ -z "$CONFIGURATION" ] || place_configuration
[ "$PG_USER" = postgres ] || run_as_another_user
change complete pg-path "$(sql 'SHOW data_directory')"
[ "$PORT" = 5432 ] || change complete pg-port "$PORT"
[ "$PG_USER" = postgres ] || change complete pg-user "$PG_USER"

# Before archiving begins: a segment that would not count is never acknowledged, so an unregistered host only fills its disk.
change runuser -u "$PG_USER" -- holdfast register

[ -n "$COMMAND" ] || change sql "ALTER SYSTEM SET archive_command = 'holdfast archive-push %p'"
if [ "$(sql 'SHOW archive_mode')" = off ]; then
  change sql 'ALTER SYSTEM SET archive_mode = on'
  if [ -n "$RESTART" ]; then
    change systemctl restart postgresql
    [ -n "$DRY" ] || server_answers
  else
    say "archive_mode was off: restart PostgreSQL, then run this again (or give --restart)."
    exit 0
  fi
else
  change sql 'SELECT pg_reload_conf()'
fi

change systemctl enable --now holdfast-agent
change runuser -u "$PG_USER" -- holdfast check --strict
[ -z "$BACKUP" ] || change runuser -u "$PG_USER" -- holdfast backup --type=full
[ -n "$DRY" ] || say "Done. Restore it once, elsewhere: a backup that was never restored is a hope."
