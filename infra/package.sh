#!/usr/bin/env bash
# Builds the Debian package of the agent. The same tree and agent give the same bytes.
#   infra/package.sh [--output DIR] [--agent FOLDER] [--revision N]
#     --output    where the package goes; by default .cache/package
#     --agent     a folder that "dotnet publish agent" has filled; by default it is published now
#     --revision  of the package, where its version is built once more; 1 by default
# The path of the package is the only line on stdout. Needs dpkg-deb and readelf, and without --agent what infra/setup.sh's need_build installs.
set -euo pipefail
OUTPUT='' AGENT='' REVISION=1
while [ $# -gt 0 ]; do
  case $1 in
    --output) OUTPUT=$(realpath -m "${2:?--output needs a folder}"); shift 2 ;;
    --agent) AGENT=$(realpath -m "${2:?--agent needs a folder}"); shift 2 ;;
    --revision) REVISION=${2:?--revision needs a number}; shift 2 ;;
    *) printf 'ERROR: unknown option %s; see the head of infra/package.sh\n' "$1" >&2; exit 1 ;;
  esac
done
# shellcheck source=infra/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
UNIT=$ROOT/infra/systemd/holdfast-agent.service

# --- What it says about itself --------------------------------------------------------------------------------------------------------

package_version() {
  local version
  version=$(sed -n 's|.*<Version>\([0-9][0-9.]*\)</Version>.*|\1|p' "$ROOT/Directory.Build.props")
  [ -n "$version" ] || die "Directory.Build.props says no version"
  [[ $REVISION =~ ^[1-9][0-9]*$ ]] || die "a revision is a number, not '$REVISION'"
  printf '%s-%s\n' "$version" "$REVISION"
}

architecture() {
  case $(readelf --file-header "$1" | sed -n 's/^ *Machine: *//p') in
    *X86-64) echo amd64 ;;
    AArch64) echo arm64 ;;
    *) die "$1 is for a machine that is not known here" ;;
  esac
}

# What the binary is linked to, with the newest symbols that it asks for; then what it loads by name when it first needs it: OpenSSL.
depends() {
  local library glibc
  while read -r library; do
    case $library in
      libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux*) ;;
      *) die "the agent is linked to $library, and no package is known for it: say which in infra/package.sh" ;;
    esac
  done < <(readelf --dynamic "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  glibc=$(readelf --version-info "$1" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
  [ -n "$glibc" ] || die "$1 needs no glibc: is it the native agent?"
  grep -qaF libssl.so.3 "$1" || die "$1 does not load OpenSSL 3"
  # adduser: the user postgres, where nothing has made it yet.
  printf 'libc6 (>= %s), libssl3 (>= 3.0.0) | libssl3t64, ca-certificates, adduser\n' "$glibc"
}

control() {
  cat <<END
Package: holdfast
Version: $VERSION
Architecture: $ARCHITECTURE
Maintainer: The Holdfast authors <noreply@holdfast.invalid>
Installed-Size: $(du -k -s --apparent-size "$1/usr" | cut -f 1)
Depends: $(depends "$1/usr/bin/holdfast")
Suggests: postgresql
Section: database
Priority: optional
Description: backups of PostgreSQL on Azure Blob Storage, and back to any second
 The agent of a database host and of a restorer: it archives WAL
 (archive_command), makes backups that the control plane asks for, and
 restores. Everything it stores is sealed and signed on this host.
END
}

# --- What is in it --------------------------------------------------------------------------------------------------------------------

put() { install -D -m 644 "$1" "$2"; }

fill() {
  local root=$1 agent=$2 doc=$1/usr/share/doc/holdfast document
  install -D -m 755 "$agent/holdfast" "$root/usr/bin/holdfast"
  put "$UNIT" "$root/usr/lib/systemd/system/holdfast-agent.service"
  put /dev/stdin "$root/usr/share/bash-completion/completions/holdfast" < <("$agent/holdfast" completion bash)
  put /dev/stdin "$root/usr/share/zsh/vendor-completions/_holdfast" < <("$agent/holdfast" completion zsh)
  put /dev/stdin "$root/usr/share/fish/vendor_completions.d/holdfast.fish" < <("$agent/holdfast" completion fish)
  for document in user-guide operations reference control-plane signals azure; do put "$ROOT/docs/$document.md" "$doc/$document.md"; done
  put "$ROOT/infra/debian/copyright" "$doc/copyright"
  put "$ROOT/infra/debian/holdfast.conf.example" "$doc/examples/holdfast.conf"
  install -D -m 755 "$ROOT/infra/onboard.sh" "$root/usr/share/holdfast/onboard.sh"
  put /dev/stdin "$doc/changelog.gz" < <(gzip -9n <"$ROOT/CHANGELOG.md")
  put /dev/stdin "$doc/changelog.Debian.gz" < <(printf 'holdfast (%s) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- The Holdfast authors <noreply@holdfast.invalid>  %s\n' \
    "$VERSION" "$(date -uR -d "@$SOURCE_DATE_EPOCH")" | gzip -9n)
}

build() {
  local root=$SCRATCH/package script
  mkdir -p "$root/DEBIAN" "$OUTPUT"
  fill "$root" "$AGENT"
  control "$root" >"$root/DEBIAN/control"
  for script in postinst prerm postrm; do install -m 755 "$ROOT/infra/debian/$script" "$root/DEBIAN/"; done
  (cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  find "$root" -type d -exec chmod 755 {} +
  find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  # How xz cuts its blocks depends on how many threads there are. Level 3 takes a third of the time of the usual 6, and a tenth more room.
  dpkg-deb --root-owner-group -Zxz -z3 --threads-max=1 --build "$root" "$OUTPUT/$FILE.new" >&2
  mv "$OUTPUT/$FILE.new" "$OUTPUT/$FILE"
}

for program in dpkg-deb readelf; do command -v "$program" >/dev/null || die "$program is not installed"; done
# Of the last change to this tree; where it is no clone, of the change log.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || stat -c %Y "$ROOT/CHANGELOG.md")}
export SOURCE_DATE_EPOCH
VERSION=$(package_version)
OUTPUT=${OUTPUT:-$CACHE/package}
trap remove_scratch EXIT
make_scratch
if [ -z "$AGENT" ]; then
  need_build
  AGENT=$SCRATCH/agent
  publish_agent "$AGENT"
fi
[ -x "$AGENT/holdfast" ] || die "there is no agent in $AGENT"
ARCHITECTURE=$(architecture "$AGENT/holdfast")
FILE=holdfast_${VERSION}_$ARCHITECTURE.deb
build
printf '%s\n' "$OUTPUT/$FILE"
