#!/bin/sh
# Submit, watch and cancel jobs of LSF (bsub), Grid Engine (qsub), or Slurm (sbatch) for Snakemake's cluster-generic.
#
#   batch.sh submit THREADS MEM_MB RUNTIME_MIN JOBSCRIPT    prints the job's id
#   batch.sh status ID                                      prints running, success or failed
#   batch.sh cancel ID [ID ...]
#
# Which system it is follows from the commands there are, or is said: BEADWORK_BATCH=lsf, sge or slurm. PBS and Torque have
# a qsub too, with other options: they are refused.
# BEADWORK_SUBMIT holds options of your site, for example "-q normal -P cmap" (LSF) or "-l h=!node7" (Grid Engine);
# BEADWORK_SGE_PE names its parallel environment (default smp); BEADWORK_LSF_UNIT the unit of bsub -M and rusage[mem]
# (MB, the default, or KB or GB, as LSF_UNIT_FOR_LIMITS of the site's lsf.conf).
set -eu

system() {
    if [ -n "${BEADWORK_BATCH:-}" ]; then echo "$BEADWORK_BATCH"
    elif command -v bsub >/dev/null; then echo lsf
    elif command -v sbatch >/dev/null; then echo slurm
    elif command -v qsub >/dev/null; then
        if command -v pbsnodes >/dev/null || command -v qmgr >/dev/null || qsub --version 2>&1 | grep -qiE 'pbs|torque'; then
            echo "batch.sh: qsub is that of PBS or Torque, not of Grid Engine; docs/how-to/clusters.md says what to do" >&2
            exit 2
        fi
        echo sge
    else echo "batch.sh: neither bsub, qsub nor sbatch is on PATH" >&2; exit 2
    fi
}

lsf_memory() {  # megabytes in the unit of the site
    case ${BEADWORK_LSF_UNIT:-MB} in
        KB) echo $(($1 * 1024)) ;;
        MB) echo "$1" ;;
        GB) echo $((($1 + 1023) / 1024)) ;;
    esac
}

submit() {
    threads=$1 megabytes=$2 minutes=$3 script=$4
    logs=${BEADWORK_BATCH_LOGS:-.snakemake/batch_logs}
    mkdir -p "$logs"
    # shellcheck disable=SC2086  # the options of the site are words
    case $batch in
        lsf)
            memory=$(lsf_memory "$megabytes")
            bsub -J beadwork -n "$threads" -R "span[hosts=1] rusage[mem=$memory]" -M "$memory" -W "$minutes" \
                -o "$logs/%J.log" ${BEADWORK_SUBMIT:-} sh "$script" | sed -n 's/^Job <\([0-9]*\)>.*/\1/p'
            ;;
        sge)
            each=$(((megabytes + threads - 1) / threads)) # h_vmem counts for each slot
            qsub -terse -cwd -V -S /bin/sh -N beadwork -j y -o "$logs" -pe "${BEADWORK_SGE_PE:-smp}" "$threads" \
                -l "h_vmem=${each}M" -l "h_rt=$((minutes * 60))" ${BEADWORK_SUBMIT:-} "$script"
            ;;
        slurm)
            sbatch --parsable --job-name=beadwork --cpus-per-task="$threads" --mem="$megabytes" --time="$minutes" \
                --output="$logs/%j.log" ${BEADWORK_SUBMIT:-} "$script"
            ;;
    esac
}

status() {
    case $batch in
        lsf)
            case $(bjobs -noheader -o stat "$1" 2>/dev/null || true) in
                DONE) echo success ;;
                EXIT) echo failed ;;
                PEND | PROV | PSUSP | RUN | USUSP | SSUSP | WAIT | UNKWN | ZOMBI) echo running ;;
                *) lsf_history "$1" ;;
            esac
            ;;
        sge)
            if qstat -j "$1" >/dev/null 2>&1; then
                if qstat -u '*' | awk -v id="$1" '$1 == id { print $5 }' | grep -q E; then
                    qdel "$1" >/dev/null 2>&1 || true # a job in error state would wait for ever
                    echo failed
                else
                    echo running
                fi
            else
                sge_history "$1"
            fi
            ;;
        slurm)
            case $(scontrol -o show job "$1" 2>/dev/null | sed -n 's/.* JobState=\([A-Z_]*\).*/\1/p') in
                COMPLETED) echo success ;;
                PENDING | RUNNING | CONFIGURING | COMPLETING | REQUEUED | SUSPENDED) echo running ;;
                *) echo failed ;;
            esac
            ;;
    esac
}

lsf_history() {  # bjobs forgets a job after CLEAN_PERIOD
    if bhist -l "$1" 2>/dev/null | grep -q "Done successfully"; then echo success; else echo failed; fi
}

sge_history() {  # the accounting file may lag behind qstat by some seconds
    for _ in 1 2 3 4 5 6; do
        found=$(qacct -j "$1" 2>/dev/null | awk '$1 == "failed" { f = $2 } $1 == "exit_status" { e = $2 } END { print f "," e }')
        case $found in
            0,0) echo success; return ;;
            ,) sleep "${BEADWORK_SGE_WAIT:-5}" ;;
            *) echo failed; return ;;
        esac
    done
    echo failed
}

cancel() {
    case $batch in
        lsf) bkill "$@" ;;
        sge) qdel "$@" ;;
        slurm) scancel "$@" ;;
    esac
}

action=${1:-}
case $action in
    submit | status | cancel)
        batch=$(system) || exit 2
        shift
        "$action" "$@"
        ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
