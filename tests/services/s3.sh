#!/usr/bin/env bash
# Real S3 stores on loopback, built from their crates. Needs cargo and curl. KIND is one of
#   s3s-fs   keeps the condition of a put: If-None-Match on an object that is there answers 412
#   garage   ignores the condition: the object is overwritten, and the answer is 200
#   s3.sh install [KIND ...]                 builds them, once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/KIND
#   s3.sh start KIND DIR [PORT] [BUCKET]     serves on PORT (3900; Garage also takes PORT+1), with the bucket made ("logmill")
#   s3.sh kill|stop KIND DIR                 kill -9, or a polite end
#   s3.sh hold KIND DIR [PORT] [BUCKET]      start in an empty DIR, then obeys lines of standard input (kill, start), each
#                                            answered with ok or failed; at its end: kill -9, and DIR is gone
# `start` does nothing for one that runs, and installs what is missing. Data, log and pid: DIR.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/s3.sh
limit=60 # seconds within which a store serves or ends, on a machine busy with other things

# Known to everybody, like the keys in crates/testkit/src/services/s3.rs, with which they must agree. Garage wants this form.
access_key=GK6c6f676d696c6c2d74657374
secret_key=6c6f676d696c6c2d6c6f676d696c6c2d6c6f676d696c6c2d6c6f676d696c6c2d
region=us-east-1

usage() { sed -n '2,11s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "s3: $*" >&2; exit 1; }

# What `cargo install` is told; the cache is named after it, so that another version is another folder. Only the engine for
# Garage's tables that it recommends is built, and neither metrics nor its key-value API: a third less to compile.
recipe() { # KIND
  case $1 in
    s3s-fs) echo "s3s-fs@0.14.1 --locked --features binary" ;;
    garage) echo "garage@2.5.0 --locked --no-default-features --features bundled-libs,lmdb" ;;
  esac
}

known() { # KIND
  [ "$1" = s3s-fs ] || [ "$1" = garage ] || fail "there is no kind of store '$1': s3s-fs or garage"
}

place() { # KIND
  echo "${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/$1/$(recipe "$1" | cksum | cut -d' ' -f1)"
}

install() { # KIND: one process builds, the others wait for it. What is not complete has another name.
  local made tool; made=$(place "$1")
  [ ! -e "$made/$1" ] || return 0
  for tool in cargo cc make curl flock; do command -v "$tool" >/dev/null || fail "$tool is missing, $1 cannot be built"; done
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } 2>/dev/null || fail "cannot write to $made"
  [ -e "$made/$1" ] || build "$1" "$made"
  exec 8>&-
}

build() { # KIND FOLDER
  local kind=$1 made=$2 log=$2/build.log
  # What a build before this one left unfinished is used. The flags of the caller are for the project, not for this.
  (
    cd "$made"
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    # shellcheck disable=SC2046 # the recipe is words
    timeout --foreground 3600 cargo install $(recipe "$kind") --root "$made/new" --target-dir "$made/build" >"$log" 2>&1 </dev/null
  ) || fail "cargo cannot build $kind: $(grep -m1 '^error' "$log" || echo "it took too long"); see $log"
  "$made/new/bin/$kind" --version >>"$log" 2>&1 || fail "$kind does not run here: $(tail -n 1 "$log")"
  mv "$made/new/bin/$kind" "$made/$kind"
  rm -rf "$made/new" "$made/build"
}

# The pid counts only while it is still this folder's store.
running() {
  local pid; pid=$(cat "$dir/pid" 2>/dev/null) || return 1
  grep -qsF "$dir/" "/proc/$pid/cmdline"
}

# While one program takes the place of another, the process has no command line; when it has ended, it is a zombie for a while.
is_there() {
  local stat; stat=$(cat "/proc/$(cat "$dir/pid")/stat" 2>/dev/null) && [[ ${stat##*) } != [ZX]* ]]
}

answers() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

ask() { # METHOD PATH: answers the status
  # A signature without a digest of the body, in words: older curls do not say it by themselves.
  local arguments=(-X "$1" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD")
  [ "$1" != HEAD ] || arguments+=(-I)
  curl -q -s --noproxy '*' --max-time "$limit" -o "$dir/answer" -w '%{http_code}' "${arguments[@]}" \
    --aws-sigv4 "aws:amz:$region:s3" --user "$access_key:$secret_key" "http://127.0.0.1:$port/$2" || true
}

run() { # program argument...: what it says goes into the log
  exec setsid "$@" >>"$dir/log" 2>&1 </dev/null 8>&-
}

run_s3s-fs() {
  RUST_LOG=error run "$program" --host 127.0.0.1 --port "$port" --access-key "$access_key" --secret-key "$secret_key" \
    "$dir/data"
}

run_garage() {
  cat >"$dir/garage.toml" <<EOF
replication_factor = 1
db_engine = "lmdb"
lmdb_map_size = "4G"
metadata_dir = "$dir/meta"
data_dir = "$dir/data"
disable_scrub = true
rpc_secret = "$secret_key"
rpc_bind_addr = "127.0.0.1:$((port + 1))"
rpc_public_addr = "127.0.0.1:$((port + 1))"
[s3_api]
api_bind_addr = "127.0.0.1:$port"
s3_region = "$region"
EOF
  # It opens its port when the key and the bucket are there.
  export GARAGE_DEFAULT_ACCESS_KEY=$access_key GARAGE_DEFAULT_SECRET_KEY=$secret_key GARAGE_DEFAULT_BUCKET=$bucket
  RUST_LOG=warn run "$program" -c "$dir/garage.toml" server --single-node --default-bucket
}

start() {
  local status
  ! running || return 0
  ! answers "$port" || fail "port $port is taken"
  mkdir -p "$dir/data"
  echo "$port" >"$dir/port"
  "run_$kind" &
  echo $! >"$dir/pid"
  SECONDS=0
  while is_there && ((SECONDS < limit)); do
    ! answers "$port" || status=$(with_bucket)
    # Who took the port first answers for a store that is about to fail for that: so this one must outlive the answer.
    [ "${status:-}" != 200 ] || ! running || return 0
    [[ ! ${status:-} =~ ^4 ]] || break # asking again would not help
    sleep 0.05
  done
  echo "s3: $kind does not serve on port $port; the last answer and the end of its log:" >&2
  tail -q -n 20 "$dir/answer" "$dir/log" >&2 || true
  end KILL 0
  exit 1
}

with_bucket() { # makes it where the store has not, or looks at it; answers the status
  # This store takes objects for a bucket that nobody made, so it has to be made before the first one comes.
  if [ "$kind" = s3s-fs ] && [ ! -d "$dir/data/$bucket" ]; then ask PUT "$bucket"; else ask HEAD "$bucket"; fi
}

end() { # signal seconds: sends it and waits; who is too slow ends hard
  local t
  ! running || kill "-$1" "$(cat "$dir/pid")" 2>/dev/null || true
  SECONDS=0
  while running && ((SECONDS < $2)); do sleep 0.02; done
  ! running || kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
  while running; do sleep 0.02; done
  [ -e "$dir/pid" ] || return 0
  # The system closes the port of a killed process some time after its command line is gone.
  port=$(cat "$dir/port")
  for ((t = 0; t < 250; t++)); do answers "$port" || break; sleep 0.02; done
  rm "$dir/pid"
}

# The standard input is a pipe from a process that cannot say goodbye when it is killed. One shell does one thing after the
# other, so that no store can be started behind the back of the end.
hold() {
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  trap 'end KILL 0; rm -rf "$dir"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  obey start
  local verb
  while read -r verb; do obey "$verb"; done
}

obey() { # verb: the answer is one line, with carriage returns where the reason has new lines
  local said
  if said=$("$self" "$1" "$kind" "$dir" "$port" "$bucket" 2>&1 </dev/null); then echo ok; else
    echo "failed ${said//$'\n'/$'\r'}"
  fi
}

if [ "${1:-}" = install ]; then
  shift
  [ $# != 0 ] || set -- s3s-fs garage
  for kind in "$@"; do known "$kind"; install "$kind"; done
  exit
fi
[ $# -ge 3 ] || usage
verb=$1 kind=$2 port=${4:-3900} bucket=${5:-logmill}
known "$kind"
program=$(place "$kind")/$kind
mkdir -p "$3"; dir=$(cd "$3" && pwd)
case $verb in
  start) install "$kind"; start ;;
  kill) end KILL 0 ;;
  stop) end TERM 8 ;;
  hold) hold ;;
  *) usage ;;
esac
