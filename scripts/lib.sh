# Shared by the scripts here; sourced, never run. Gives $root (the repository), say() for progress
# lines with the time since the start, and logged() for steps whose output matters only when they fail.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
started_at=${CROSSFADE_STARTED_AT:-$(date +%s)}
export CROSSFADE_STARTED_AT=$started_at
cores=$(nproc)

say() { printf '[%ds] %s\n' "$(($(date +%s) - started_at))" "$*"; }
die() { say "error: $*" >&2; exit 1; }

# logged NAME COMMAND...: runs the command with its output in build/logs/NAME.log, says every ten seconds
# how far it is, and prints the end of the log when it fails. Returns the command's status.
logged() {
  local name=$1 log status pid ticks=0 last
  shift
  mkdir -p "$root/build/logs"
  log=$root/build/logs/$name.log
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    if ((ticks % 50 == 0)); then
      last=$(tail -n 1 "$log" | tr -d '\r' | cut -c 1-100)
      say "  $name: ${last:-running}"
    fi
  done
  status=0
  wait "$pid" || status=$?
  if ((status != 0)); then
    say "$name failed (exit code $status); the end of $log:"
    grep -nE 'error:|FAILED:' "$log" | head -n 20 || true
    tail -n 60 "$log"
  fi
  return "$status"
}
