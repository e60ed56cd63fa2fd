"""Connectivity index. Input: MODZ of all brews and siginfo. Output: results/index."""


rule index:
    input:
        matrices=expand("<results>/signatures/{brew}_MODZ.gctx", brew=BREWS),
        siginfo="<results>/siginfo.tsv",
    output:
        directory("<results>/index"),
    log:
        "<logs>/index.log",
    benchmark:
        "<benchmarks>/index.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1500 + 10 * len(PLATES)),
        runtime=minutes(10, 0.1),
    params:
        flags=flags("index"),
    message:
        "Building the connectivity index"
    shell:
        "beadwork index build {output} {input.matrices} --siginfo {input.siginfo} {params.flags}"
        " --threads {threads} 2> {log}"
