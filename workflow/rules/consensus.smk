"""Level 4 to 5. Input: ZSPC of the plates that share a brew_prefix. Output: MODZ, siginfo, QC rows."""


rule consensus:
    input:
        matrices=lambda wildcards: per_plate(
            "<results>/{plate}/{plate}_ZSPC.gctx", plates_of(wildcards.brew)
        ),
        reliability=lambda wildcards: (
            per_plate(
                "<results>/{plate}/{plate}_RELIABILITY.gctx", plates_of(wildcards.brew)
            )
            if CFG.consensus_sd
            else []
        ),
    output:
        matrix=keep("<results>/signatures/{brew}_MODZ.gctx"),
        siginfo=keep("<results>/signatures/{brew}_siginfo.tsv"),
        qc=keep("<results>/signatures/qc/consensus/{brew}.tsv"),
    log:
        "<logs>/consensus/{brew}.log",
    benchmark:
        "<benchmarks>/consensus/{brew}.tsv"
    wildcard_constraints:
        brew=rf"{DET_PLATE_PATTERN}(?<!_MNZ)",  # those are of consensus_cleaned
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt
        * (600 + 200 * len(plates_of(wildcards.brew))),
        runtime=minutes(5),
    params:
        made_with=number_of(
            "consensus", "{results}/signatures/{brew}_MODZ.gctx", (GENES,)
        ),
        flags=flags("consensus"),
        uncertainty=lambda wildcards, input: " ".join(
            f"--reliability {shlex.quote(str(path))}" for path in input.reliability
        ),
    message:
        "{wildcards.brew}: signatures from replicate plates (level 5)"
    shell:
        "beadwork consensus {input.matrices:q} {params.uncertainty} {params.flags} -o {output.matrix:q} --siginfo {output.siginfo:q}"
        " --qc {output.qc:q} 2> {log:q}"


rule collect_siginfo:
    input:
        expand("<results>/signatures/{brew}_siginfo.tsv", brew=BREWS),
    output:
        keep("<results>/siginfo.tsv"),
    log:
        "<logs>/collect_siginfo.log",
    benchmark:
        "<benchmarks>/collect_siginfo.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (500 + len(PLATES)),
        runtime=minutes(5),
    params:
        made_with=number_of_study("collect"),
    message:
        "One table of all signatures"
    shell:
        "beadwork collect {input:q} -o {output:q} 2> {log:q}"
