#!/usr/bin/env bash
# Apache Kafka, the real broker (KRaft, every node broker and controller), on loopback. Needs java 17 and mvn.
#   kafka.sh install                                  jars, once, into ${LOGMILL_SERVICES:-~/.cache/logmill-services}/kafka
#   kafka.sh start DIR [1|3] [PORT] [KEY=VALUE ...]   brokers on PORT, PORT+1, PORT+2 (19092); controllers on PORT+100...
#   kafka.sh kill|freeze|thaw DIR NODE...             kill -9, SIGSTOP, SIGCONT of brokers 1..3
#   kafka.sh restart DIR NODE...                      starts them with the settings they had; those that run, end hard first
#   kafka.sh stop DIR                                 stops every broker
#   kafka.sh hold DIR [1|3] [PORT] [KEY=VALUE ...]    start in an empty DIR, then obeys lines of standard input ("kill 2"),
#                                                     each answered with ok or failed; at its end: kill -9, and DIR is gone
# `start` starts only the brokers that do not run, and installs what is missing. KEY=VALUE lines go into server.properties,
# which `start` writes anew. Data, log and pid: DIR/node-1..3. KAFKA_HEAP: the heap of one broker (320m).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/kafka.sh
cluster=bG9nbWlsbC10ZXN0LTAwMQ # any 16 bytes in base64url
limit=120                      # seconds within which a broker serves or ends, on a machine busy with other things

usage() { sed -n '2,11s/^# \{0,1\}//p' "$self" >&2; exit 2; }
fail() { echo "kafka: $*" >&2; exit 1; }

# The cache is named after what it was made from: another version in the pom is another folder.
made=${LOGMILL_SERVICES:-${HOME:?}/.cache/logmill-services}/kafka/$(cksum <"$here/kafka-pom.xml" | cut -d' ' -f1)
jars=$made/jars
classes=$made/classes.jsa
# Tests wait for starts: the simple compiler and collector have the shorter ones, and half of it is loading classes.
java=(java -Xmx"${KAFKA_HEAP:-320m}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:SharedArchiveFile="$classes")

install() { # One process installs, the others wait for it. What is not complete has another name.
  [ ! -e "$classes" ] || return 0
  local tool
  for tool in java mvn flock; do command -v "$tool" >/dev/null || fail "$tool is missing: run tests/tools.sh"; done
  { mkdir -p "$made" && exec 8>"$made/lock" && flock 8; } || fail "cannot write to $made"
  [ -e "$jars" ] || download
  [ -e "$classes" ] || archive
  exec 8>&-
}

download() {
  local log=$made/download.log
  rm -rf "$jars.new"
  # -U: what was not found a while ago is asked for again.
  timeout 900 mvn -q -B -U -f "$here/kafka-pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$jars.new" >"$log" 2>&1 </dev/null ||
    fail "maven cannot fetch the broker: $(grep -m1 ERROR "$log" || echo "see $log")"
  mv "$jars.new" "$jars"
}

# A broker writes the archive of its classes when it stops; that one does so is also the proof that the jars work here.
# The archive knows the jars by their paths, so they must be in place already.
archive() {
  local try port dir=$made/trial
  java+=(-XX:SharedArchiveFile= -XX:ArchiveClassesAtExit="$classes.new")
  for try in 1 2 3; do
    rm -rf "$dir" "$classes.new"
    port=$((33000 - 10 * (RANDOM % 300))) # others may look for ports at the same time
    if (start 1 "$port") 2>"$made/trial.log" && end TERM "$limit" 1 && [ -e "$classes.new" ]; then
      rm -rf "$dir"; mv "$classes.new" "$classes"
      return
    fi
    end KILL "$limit" 1
  done
  fail "the broker does not start here: see $made/trial.log"
}

# The pid counts only while it is still this node's broker.
running() {
  local pid; pid=$(cat "$dir/node-$1/pid" 2>/dev/null) || return 1
  grep -qsF "$dir/node-$1/server.properties" "/proc/$pid/cmdline"
}

# While one program takes the place of another, the process has no command line; when it has ended, it is a zombie for a while.
is_there() {
  local stat; stat=$(cat "/proc/$(cat "$dir/node-$1/pid")/stat" 2>/dev/null) && [[ ${stat##*) } != [ZX]* ]]
}

answers() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # a broker opens its port only when it is ready to serve

port_of() { sed -n '0,/^listeners=/s|^listeners=PLAINTEXT://127.0.0.1:\([0-9]*\),.*|\1|p' "$dir/node-$1/server.properties"; }

configure() { # node count port [KEY=VALUE ...]
  local i=$1 n=$2 port=$3 voters=() k; shift 3
  for ((k = 1; k <= n; k++)); do voters+=("$k@127.0.0.1:$((port + 99 + k))"); done
  mkdir -p "$dir/node-$i"
  cat >"$dir/node-$i/server.properties" <<EOF
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$(IFS=,; echo "${voters[*]}")
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:$((port + i - 1)),CONTROLLER://127.0.0.1:$((port + 99 + i))
log.dirs=$dir/node-$i/data
default.replication.factor=$n
min.insync.replicas=$(((n + 1) / 2))
offsets.topic.replication.factor=$n
transaction.state.log.replication.factor=$n
transaction.state.log.min.isr=$(((n + 1) / 2))
share.coordinator.state.topic.replication.factor=$n
share.coordinator.state.topic.min.isr=$(((n + 1) / 2))
# smaller than in production, for a quick start and a small heap
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
$(printf '%s\n' "$@")
EOF
}

run() { # node program argument...: what it says goes into the node's log
  local home=$dir/node-$1; shift
  exec setsid "${java[@]}" -cp "$(printf '%s:' "$jars"/*.jar)" -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS "$@" >>"$home/log" 2>&1 </dev/null 8>&-
}

format() { # node
  [ -e "$dir/node-$1/data/meta.properties" ] ||
    (run "$1" kafka.tools.StorageTool format -t "$cluster" -c "$dir/node-$1/server.properties")
}

launch() { # node...
  local i port
  for i in "$@"; do
    port=$(port_of "$i")
    ! answers "$port" || fail "port $port is taken"
    run "$i" kafka.Kafka "$dir/node-$i/server.properties" &
    echo $! >"$dir/node-$i/pid"
  done
  for i in "$@"; do await "$i"; done
}

await() { # node
  local port; port=$(port_of "$1")
  SECONDS=0
  while is_there "$1" && ((SECONDS < limit)); do
    # Who took the port first answers for a broker that is about to fail for that: so this one must outlive the answer.
    ! answers "$port" || ! running "$1" || return 0
    sleep 0.05
  done
  echo "kafka: node $1 does not serve on port $port; the end of its log:" >&2
  tail -n 20 "$dir/node-$1/log" >&2
  exit 1
}

start() { # [count] [port] [KEY=VALUE ...]
  local n=1 port=19092 i idle=() work=()
  [[ ${1:-} =~ ^[0-9]+$ ]] && { n=$1; shift; }
  [[ ${1:-} =~ ^[0-9]+$ ]] && { port=$1; shift; }
  [ "$n" = 1 ] || [ "$n" = 3 ] || usage
  for ((i = 1; i <= n; i++)); do
    running "$i" && continue
    configure "$i" "$n" "$port" "$@"
    format "$i" & work+=($!); idle+=("$i")
  done
  for ((i = 0; i < ${#work[@]}; i++)); do
    wait "${work[i]}" || { tail -n 20 "$dir/node-${idle[i]}/log" >&2; fail "node ${idle[i]} cannot be formatted"; }
  done
  launch "${idle[@]}"
}

signal() { # signal node...; one that ends at this moment needs none
  local i name=$1; shift
  for i in "$@"; do ! running "$i" || kill "-$name" "$(cat "$dir/node-$i/pid")" 2>/dev/null || true; done
}

need() { # node...
  local i
  for i in "$@"; do running "$i" || fail "node $i does not run"; done
}

end() { # signal seconds node...: sends it to all and waits; who is too slow ends hard
  local i t name=$1 seconds=$2; shift 2
  signal "$name" "$@"
  SECONDS=0
  for i in "$@"; do
    while running "$i" && ((SECONDS < seconds)); do sleep 0.05; done
    signal KILL "$i"
    while running "$i"; do sleep 0.05; done
    # The system closes the port of a killed process some time after its command line is gone.
    [ ! -e "$dir/node-$i/pid" ] || for ((t = 0; t < 100; t++)); do answers "$(port_of "$i")" || break; sleep 0.05; done
    rm -f "$dir/node-$i/pid"
  done
}

# The standard input is a pipe from a process that cannot say goodbye when it is killed. One shell does one thing after the
# other, so that no broker can be started behind the back of the end.
hold() { # [count] [port] [KEY=VALUE ...]
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  trap 'end KILL 0 1 2 3; rm -rf "$dir"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  obey start "$@"
  local verb nodes
  while read -r verb nodes; do obey "$verb" $nodes; done
}

obey() { # verb argument...: the answer is one line, with carriage returns where the reason has new lines
  local verb=$1 said; shift
  if said=$("$self" "$verb" "$dir" "$@" 2>&1 </dev/null); then echo ok; else echo "failed ${said//$'\n'/$'\r'}"; fi
}

[ "${1:-}" != install ] || { install; exit; }
[ $# -ge 2 ] || usage
verb=$1; mkdir -p "$2"; dir=$(cd "$2" && pwd); shift 2
case $verb in
  start) install; start "$@" ;;
  kill) end KILL 0 "$@" ;;
  freeze) need "$@"; signal STOP "$@" ;;
  thaw) need "$@"; signal CONT "$@" ;;
  restart) end KILL 0 "$@"; launch "$@" ;;
  stop) end TERM 8 1 2 3 ;; # without a quorum of controllers the last one can take very long
  hold) hold "$@" ;;
  *) usage ;;
esac
