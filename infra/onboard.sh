#!/usr/bin/env bash
# Makes a database host one of a cluster's: configuration, registration, archiving, a check, the first full backup. Run as root on the host, again after any failure.
#   infra/onboard.sh --configuration agent [--pg-user postgres] [--pgport 5432] [--dry-run] [--restart] [--no-backup]
#     --configuration  the folder that `holdfast init` wrote for agents; it has public keys and the one-time token
#     --restart        allows a restart of PostgreSQL, where archive_mode was off
#     --no-backup      leaves the first full backup to the schedule
set -euo pipefail
CONFIGURATION='' PG_USER=postgres PORT=5432 DRY='' RESTART='' BACKUP=1

die() { printf 'ERROR: %s\n' "$1" >&2; [ $# -lt 2 ] || printf 'HINT: %s\n' "$2" >&2; exit 1; }
say() { printf '%s\n' "$*" >&2; }

# change COMMAND…: everything that changes something goes through here.
change() {
  if [ -n "$DRY" ]; then printf 'would run: %s\n' "$*"; else "$@"; fi
}

# The agent must know the data directory; init could not.
name_data_directory() { grep -qE '^[[:space:]]*pg-path[[:space:]]*=' /etc/holdfast/holdfast.conf || printf 'pg-path = %s\n' "$1" >>/etc/holdfast/holdfast.conf; }

as_postgres() { runuser -u "$PG_USER" -- "$@"; }
sql() { as_postgres psql --port="$PORT" --dbname=postgres --no-psqlrc --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }

while [ $# -gt 0 ]; do
  case $1 in
    --configuration) CONFIGURATION=${2:?--configuration needs a file}; shift 2 ;;
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
command -v holdfast >/dev/null || die "holdfast is not installed" "install the package of the agent"
id "$PG_USER" >/dev/null 2>&1 || die "there is no user $PG_USER" "--pg-user names the user that PostgreSQL runs as"
[ -f /etc/holdfast/holdfast.conf ] || [ -f "$CONFIGURATION/holdfast.conf" ] || die "there is no configuration" "--configuration names the folder that init wrote for agents"
VERSION=$(sql 'SHOW server_version_num') || die "PostgreSQL cannot be asked on port $PORT as $PG_USER" "is it running? --pgport names another port"
[ "$VERSION" -ge 140000 ] || die "PostgreSQL $VERSION is older than 14"
[ "$(sql 'SELECT pg_is_in_recovery()')" = f ] || die "this is a standby" "run this on the primary"
COMMAND=$(sql 'SHOW archive_command')
case $COMMAND in
  '' | '(disabled)' | *holdfast*) ;;
  *) die "archive_command is in use: $COMMAND" "another tool archives from here: end that first, or its backups have gaps" ;;
esac
[ -z "$(sql 'SHOW archive_library' 2>/dev/null || true)" ] || die "archive_library is set, and PostgreSQL does not take an archive_command beside it"

if [ -n "$CONFIGURATION" ]; then
  change install -d -m 0700 -o "$PG_USER" -g "$PG_USER" /etc/holdfast
  for file in "$CONFIGURATION"/*; do change install -m 0600 -o "$PG_USER" -g "$PG_USER" "$file" /etc/holdfast/; done
fi
change name_data_directory "$(sql 'SHOW data_directory')"

# Before archiving begins: a segment that would not count is never acknowledged, so an unregistered host only fills its disk.
change runuser -u "$PG_USER" -- holdfast register

[ "$COMMAND" = 'holdfast archive-push %p' ] || change sql "ALTER SYSTEM SET archive_command = 'holdfast archive-push %p'"
if [ "$(sql 'SHOW archive_mode')" = off ]; then
  change sql 'ALTER SYSTEM SET archive_mode = on'
  if [ -n "$RESTART" ]; then
    change systemctl restart postgresql
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
