#!/usr/bin/env bash
# A real Slurm of two nodes on one machine, for tests.
#
#   tests/slurm/slurm.sh check        exit 0 if `up` can work here, else say why not (one line) and exit 3
#   tests/slurm/slurm.sh up DIR       bring it up; its state and logs go to DIR
#   tests/slurm/slurm.sh down DIR     take it down: only what `up` started, by process id
#   tests/slurm/slurm.sh node DIR n2 down|up      crash one node with its jobs, or start it again
#
# Needs Debian's packages, which it does not install:  apt-get install -y --no-install-recommends slurm-wlm munge
# The plugin strips SLURM_* variables, so that only /etc/slurm/slurm.conf counts: a file there that is not ours is
# never touched, and nothing is started.
set -euo pipefail

CONF=/etc/slurm/slurm.conf
MARK="# made by tests/slurm/slurm.sh"
CPUS=${SLURM_TEST_CPUS:-2}
MEMORY=${SLURM_TEST_MEMORY:-8000}

lacking() {
    [ "$(id -u)" = 0 ] || { echo "needs root (to write $CONF and to start munged)"; return; }
    local program
    for program in munged slurmctld slurmd sbatch squeue scontrol; do
        command -v "$program" >/dev/null || { echo "$program is not installed (Debian: slurm-wlm, munge)"; return; }
    done
    if [ -e "$CONF" ] && ! grep -qF "$MARK" "$CONF"; then
        echo "$CONF belongs to another Slurm"
    fi
}

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

finish() {  # end one daemon of ours, wait until it is gone
    alive "$1" || { rm -f "$1"; return 0; }
    local pid step
    pid=$(cat "$1")
    kill "$pid" 2>/dev/null || true
    for step in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$1"
}

wait_for() {  # wait_for SECONDS WHAT COMMAND...
    local seconds=$1 what=$2 step
    shift 2
    for step in $(seq $((seconds * 5))); do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done
    echo "slurm.sh: $what did not come up within $seconds s" >&2
    return 1
}

start_node() { slurmd -N "$2" -L "$1/$2.log"; }

idle() { [ "$(sinfo -h -N -o '%t' | grep -cE '^(idle|mix|alloc)')" = 2 ]; }

up() {
    local state why
    why=$(lacking)
    [ -z "$why" ] || { echo "slurm.sh: $why" >&2; exit 3; }
    state=$(mkdir -p "$1" && cd "$1" && pwd)
    mkdir -p "$state"/{spool,n1,n2} /run/munge /etc/slurm
    chown munge: /run/munge
    [ -e /etc/munge/munge.key ] || { head -c 1024 /dev/urandom > /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
    chown munge: /etc/munge /etc/munge/munge.key
    cat > "$CONF" <<CONFIG
$MARK
ClusterName=beadwork
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MinJobAge=3600
SlurmdTimeout=20
SchedulerParameters=sched_min_interval=100000,bf_interval=1
ReturnToService=2
MpiDefault=none
StateSaveLocation=$state/spool
SlurmdSpoolDir=$state/%n
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/%n.pid
SlurmctldLogFile=$state/slurmctld.log
NodeName=n[1-2] NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=$CPUS RealMemory=$MEMORY
PartitionName=main Nodes=ALL Default=YES
CONFIG
    if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
        runuser -u munge -- munged --force --pid-file=/run/munge/beadwork.pid --log-file=/run/munge/munged.log
        cp /run/munge/beadwork.pid "$state/munged.pid"
    fi
    slurmctld
    wait_for 60 slurmctld scontrol ping
    start_node "$state" n1
    start_node "$state" n2
    wait_for 60 "the nodes" idle
}

down() {
    local state=$1 name
    [ -d "$state" ] || exit 0
    scancel --user=root 2>/dev/null || true
    for name in n1 n2 slurmctld munged; do finish "$state/$name.pid"; done
    ! grep -qsF "$MARK" "$CONF" || rm -f "$CONF"
}

crash() {  # kill the jobs of a node with what watches over them, as a power cut does
    local found pid parent
    for found in /proc/[0-9]*; do
        pid=${found#/proc/}
        if tr '\0' '\n' < "$found/environ" 2>/dev/null | grep -qx "SLURMD_NODENAME=$1"; then
            parent=$(sed -n 's/^PPid:\t//p' "$found/status" 2>/dev/null || true)
            if [ -n "$parent" ] && grep -qx slurmstepd "/proc/$parent/comm" 2>/dev/null; then
                kill -9 "$parent" 2>/dev/null || true
            fi
            kill -9 "$pid" 2>/dev/null || true
        fi
    done
}

node() {
    case $3 in
        down) finish "$1/$2.pid"; crash "$2" ;;
        up) alive "$1/$2.pid" || start_node "$1" "$2" ;;
    esac
}

case ${1:-} in
    check) why=$(lacking); [ -z "$why" ] || { echo "$why"; exit 3; } ;;
    up) up "$2" ;;
    down) down "$2" ;;
    node) node "$2" "$3" "$4" ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
