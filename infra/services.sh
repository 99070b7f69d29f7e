# shellcheck shell=bash disable=SC2034 # variables are for those who source this, after setup.sh
# Azurite and PostgreSQL for scripts, in $SCRATCH, as nobody, beside whatever else runs on the machine.

# Runs a command as the user of the servers, with an environment that says nothing about ours.
as_server() {
  setpriv --reuid=65534 --regid=65534 --clear-groups -- env -i -C "$SCRATCH/run" HOLDFAST_TEST_SCRATCH="$SCRATCH" HOME="$SCRATCH/run" TMPDIR="$SCRATCH/run" \
    LC_ALL=C.UTF-8 TZ=UTC PATH="$CLIENTS:$SCRATCH/agent:/usr/sbin:/usr/bin:/sbin:/bin" PGHOST="$SCRATCH/run" PGUSER=postgres PGDATABASE=postgres \
    "${SERVER_ENVIRONMENT[@]}" "$@"
}

# until_true SECONDS WHAT COMMAND…: asks five times a second.
until_true() {
  local tries=$(($1 * 5)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $((tries -= 1)) -gt 0 ] || { printf 'ERROR: waited in vain for %s\n' "$what" >&2; return 1; }
    sleep 0.2
  done
}

# --- Azurite --------------------------------------------------------------------------------------------------------------------------

# A certificate authority of our own, and a certificate for 127.0.0.1 signed by it: $TLS/ca.pem, server.pem, server.key.
make_certificate() {
  TLS=$SCRATCH/tls
  mkdir "$TLS"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Holdfast demo authority' -keyout "$TLS/ca.key" -out "$TLS/ca.pem"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout "$TLS/server.key" -out "$TLS/server.csr"
  openssl x509 -req -days 2 -in "$TLS/server.csr" -CA "$TLS/ca.pem" -CAkey "$TLS/ca.key" -CAcreateserial -out "$TLS/server.pem" \
    -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:false\n')
}

# free_ports COUNT: all are held until all are known, so that they differ.
free_ports() {
  node -e 'const servers = Array.from({ length: Number(process.argv[1]) }, () => require("net").createServer().listen(0, "127.0.0.1"));
    setTimeout(() => { console.log(servers.map(s => s.address().port).join(" ")); servers.forEach(s => s.close()); }, 50);' "$1"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# -> $ACCOUNT, $BLOB_PORT, and $SCRATCH/secrets/connection-string, which only the servers' user can read.
start_azurite() {
  local queuePort tablePort key
  ACCOUNT=demo$RANDOM
  key=$(openssl rand -base64 64 | tr -d '\n')
  read -r BLOB_PORT queuePort tablePort < <(free_ports 3)
  AZURITE_ACCOUNTS=$ACCOUNT:$key node "$AZURITE" --silent --disableTelemetry --skipApiVersionCheck --location "$SCRATCH/store" \
    --cert "$TLS/server.pem" --key "$TLS/server.key" --blobHost 127.0.0.1 --blobPort "$BLOB_PORT" \
    --queueHost 127.0.0.1 --queuePort "$queuePort" --tableHost 127.0.0.1 --tablePort "$tablePort" >"$SCRATCH/azurite.log" 2>&1 &
  disown
  until_true 60 'Azurite to listen' eval "[ \"\$(grep -c 'successfully listen' '$SCRATCH/azurite.log')\" = 3 ]"
  install -d -m 700 -o 65534 -g 65534 "$SCRATCH/secrets"
  (umask 077 && printf 'AccountName=%s;AccountKey=%s;BlobEndpoint=https://127.0.0.1:%s/%s;QueueEndpoint=https://127.0.0.1:%s/%s;TableEndpoint=https://127.0.0.1:%s/%s\n' \
    "$ACCOUNT" "$key" "$BLOB_PORT" "$ACCOUNT" "$queuePort" "$ACCOUNT" "$tablePort" "$ACCOUNT" >"$SCRATCH/secrets/connection-string")
  chown 65534:65534 "$SCRATCH/secrets/connection-string"
}

# --- PostgreSQL -----------------------------------------------------------------------------------------------------------------------

server_program() { local program=$1; shift; as_server "$SCRATCH/postgres/$MAJOR/bin/$program" "$@"; }

# start_postgres PORT FOLDER SETTING…: on a Unix socket in $SCRATCH/run only
start_postgres() {
  local port=$1 folder=$2 setting settings=(-c listen_addresses= -c "unix_socket_directories=$SCRATCH/run" -c "port=$1"); shift 2
  for setting in "$@"; do settings+=(-c "$setting"); done
  server_program postgres -D "$folder" "${settings[@]}" >>"$SCRATCH/postgres-$port.log" 2>&1 &
  disown
  until_true 120 "PostgreSQL to start; see $SCRATCH/postgres-$port.log" as_server pg_isready -q -p "$port"
}

# stop_postgres FOLDER: with a shutdown checkpoint.
stop_postgres() { server_program pg_ctl stop -s -w -t 120 -m fast -D "$1"; }

# sql PORT STATEMENT…: unadorned rows; stops at the first error.
sql() { local port=$1; shift; as_server psql -p "$port" -X -q -A -t -v ON_ERROR_STOP=1 "${@/#/--command=}"; }
