#!/bin/sh
# Stands for systemd in a root that has none: notes each call in /run/systemctl.log, and starts and stops the agent as its unit says: command, user,
# no privileges, state directory, umask. The rest of the unit is judged by systemd-analyze.
set -eu
UNIT=/usr/lib/systemd/system/holdfast-agent.service PID=/run/holdfast-agent.pid
WANTS=/etc/systemd/system/multi-user.target.wants/holdfast-agent.service
value() { cat $UNIT /etc/systemd/system/holdfast-agent.service.d/*.conf 2>/dev/null | sed -n "s/^$1=//p" | tail -n 1; }
active() { [ -e $PID ] && kill -0 "$(cat $PID)" 2>/dev/null; }

start() {
  if active; then return; fi
  user=$(value User) group=$(value Group)
  install -d -m "$(value StateDirectoryMode)" -o "$user" -g "$group" "/var/lib/$(value StateDirectory)"
  umask "$(value UMask)"
  # shellcheck disable=SC2046 # words, on purpose
  setsid setpriv --reuid="$user" --regid="$group" --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    -- $(value ExecStart) </dev/null >>/run/holdfast-agent.log 2>&1 &
  echo $! >$PID
}

stop() {
  if ! active; then return; fi
  kill -TERM "$(cat $PID)"
  while active; do sleep 0.1; done
  rm $PID
}

echo "$*" >>/run/systemctl.log
NOW='' VERB='' NAME=''
for word in "$@"; do
  case $word in
    --now) NOW=1 ;;
    -*) ;;
    *) if [ -z "$VERB" ]; then VERB=$word; else NAME=${word%.service}; fi ;;
  esac
done
case "$VERB $NAME" in
  'daemon-reload ') ;;
  'restart postgresql') pg_ctlcluster --skip-systemctl-redirect 15 main restart ;;
  'is-active holdfast-agent') active ;;
  'is-enabled holdfast-agent') if [ -h $WANTS ]; then echo enabled; else echo disabled; exit 1; fi ;;
  'start holdfast-agent') start ;;
  'stop holdfast-agent') stop ;;
  'restart holdfast-agent') stop; start ;;
  'enable holdfast-agent') mkdir -p "${WANTS%/*}"; ln -sf $UNIT $WANTS; [ -z "$NOW" ] || start ;;
  *) echo "systemctl: not expected: $*" >&2; exit 1 ;;
esac
