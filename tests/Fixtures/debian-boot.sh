#!/usr/bin/env bash
# Boots the Debian in a folder: systemd is its first process. Mounts, process ids, host name and control groups are its own, the network is the machine's.
#   debian-boot.sh ROOT      runs until it is killed; says "ready" before systemd begins
#   debian-boot.sh --check   whether that is possible here
#   debian-boot.sh --end ROOT   removes the empty control groups that a killed one left
set -euo pipefail

# Where systemd keeps its control groups: two hierarchies, or one (cgroups(7), "hybrid" and "unified").
if [ -d /sys/fs/cgroup/systemd ]; then HIERARCHIES='systemd unified'; else HIERARCHIES=.; fi

groups_of() { for h in $HIERARCHIES; do [ ! -e "/sys/fs/cgroup/$h/cgroup.procs" ] || echo "/sys/fs/cgroup/$h/holdfast-${1//[^a-z0-9]/-}"; done; }

# A group of its own in each hierarchy: the systemd within sees nothing else, least of all what another systemd on this machine runs.
enter_groups() {
  local group groups
  groups=$(groups_of "$1")
  [ -n "$groups" ] || { echo 'no control groups' >&2; return 1; }
  for group in $groups; do mkdir -p "$group" && echo $$ >"$group/cgroup.procs"; done
}

leave_groups() { for group in $(groups_of "$1"); do [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} +; done; }

mount_groups() {
  local h
  if [ "$HIERARCHIES" = . ]; then mount -t cgroup2 cgroup2 "$1"; return; fi
  mount -t tmpfs tmpfs "$1"
  for h in $HIERARCHIES; do mkdir "$1/$h"; done
  mount -t cgroup -o none,name=systemd cgroup "$1/systemd"
  mount -t cgroup2 cgroup2 "$1/unified"
}

UNSHARE=(unshare --mount --pid --uts --ipc --cgroup --fork --kill-child)

case ${1:-} in
  --check)
    enter_groups check
    trap 'for h in $HIERARCHIES; do echo $$ >"/sys/fs/cgroup/$h/cgroup.procs"; done; leave_groups check' EXIT
    "${UNSHARE[@]}" bash "$0" --check-within ;;
  --check-within)
    mount -t proc proc /proc && mount_groups /sys/fs/cgroup && mount --bind / /mnt ;;
  --end) leave_groups "$2" ;;
  --within)
    root=$2
    mount --make-rprivate /
    # Units have mounts of their own, which needs a root that is one.
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount_groups "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir "$root"/dev/{shm,pts}
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    for device in null zero full random urandom tty; do touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"; done
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    echo ready
    exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=multi-user.target ;;
  *)
    enter_groups "$1"
    exec "${UNSHARE[@]}" bash "$0" --within "$1" ;;
esac
