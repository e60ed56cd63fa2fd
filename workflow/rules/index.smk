"""Connectivity index. Input: MODZ of all brews and siginfo. Output: results/index, brought in step with them.

Its manifest stands for it: segments whose matrices did not change are kept from run to run.
"""


rule index:
    input:
        matrices=expand("<results>/signatures/{brew}_MODZ.gctx", brew=BREWS),
        siginfo="<results>/siginfo.tsv",
    output:
        index_made("index"),
    log:
        "<logs>/index.log",
    benchmark:
        "<benchmarks>/index.tsv"
    localrule: STUDY_HERE
    conda:
        "../../envs/beadwork.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1500 + 10 * len(PLATES)),
        runtime=minutes(10, 0.1),
    params:
        made_with=number_of_study("index", "index"),
        index=lambda wildcards, output: index_folder(output[0]),
        flags=flags("index"),
    message:
        "Bringing the connectivity index in step"
    shell:
        "beadwork index sync {params.index:q} {input.matrices:q} --siginfo {input.siginfo:q} {params.flags}"
        " --threads {threads} 2> {log:q}"
