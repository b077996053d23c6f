# What the scripts of servers have in common; they source it and end with `main COUNT "$@"`, COUNT being the arguments of a start behind DIR, of
# which the first is the port. Before, they set
#   self, limit    their own path, and the seconds within which the server serves on a machine busy with other things
#   ready, tools   what is there once it is installed, and the programs that this needs
# and define
#   mark           prints a path below $dir that stands in the command line of the server and nowhere else; who has none defines `running` instead
#   fetch          fills the empty folder $made/new, and says what went wrong in $made/fetch.log; it becomes $ready
#   launch         becomes the server on $port of 127.0.0.1 with its data in $dir (`exec setsid ...`)
#   serves         whether it answers on $port

made=${ready%/*}
name=$(basename "$self" .sh)

usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$self" >&2; exit 2; }
fail() { echo "$name: $*" >&2; exit 1; }

install() { # One process installs, the others wait for it. What is not complete has another name.
  [ ! -e "$ready" ] || return 0
  local tool
  for tool in flock "${tools[@]}"; do command -v "$tool" >/dev/null || fail "$tool is missing: run tests/tools.sh"; done
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } 2>/dev/null || fail "cannot write to $made"
  if [ ! -e "$ready" ]; then
    rm -rf "$made/new"; mkdir -p "$made/new"
    fetch
    mv "$made/new" "$ready"
  fi
  exec 8>&-
}

# The pid counts only while it is still this folder's server.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  grep -qsF "$(mark)" "/proc/$pid/cmdline"
}

is_taken() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

start() {
  ! running || return 0
  # What was killed closes its port a little later than it loses its name.
  local try
  for try in {1..50}; do is_taken || break; sleep 0.1; done
  ! is_taken || fail "port $port is taken, also after $try looks"
  launch >>"$dir/log" 2>&1 </dev/null 8>&- &
  local started=$!
  echo "$started" >"$dir/pid"
  SECONDS=0
  while kill -0 "$started" 2>/dev/null && ((SECONDS < limit)); do
    ! serves || ! running || return 0
    sleep 0.1
  done
  echo "$name: it does not serve on port $port; the end of its log:" >&2
  tail -q -n 20 "$dir/log" >&2 || true
  end
  exit 1
}

end() {
  ! running || kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
  while running; do sleep 0.02; done
  rm -f "$dir/pid"
}

# The standard input is a pipe from a process that cannot say goodbye when it is killed.
hold() {
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  trap 'end; rm -rf "$dir"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  obey start
  local verb
  while read -r verb; do obey "$verb"; done
}

obey() { # verb: the answer is one line, with carriage returns where the reason has new lines
  local said
  if said=$("$self" "$1" "$dir" "${arguments[@]}" 2>&1 </dev/null); then echo ok; else
    echo "failed ${said//$'\n'/$'\r'}"
  fi
}

main() { # COUNT VERB [DIR ARGUMENT ...]
  local count=$1 verb=${2:-}
  [ "$verb" != install ] || { install; exit; }
  [ $# -ge 3 ] || usage
  mkdir -p "$3"; dir=$(cd "$3" && pwd)
  shift 3
  arguments=("$@") port=${1:-}
  case $verb in
    start) [ $# = "$count" ] || usage; install; start ;;
    kill) end ;;
    hold) [ $# = "$count" ] || usage; hold ;;
    *) usage ;;
  esac
}
