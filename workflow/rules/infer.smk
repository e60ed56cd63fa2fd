"""Level 3, all genes. Input: QNORM, and a model if the configuration names one. Output: INF, QC rows."""


rule infer:
    input:
        matrix="<results>/{plate}/{plate}_QNORM.gctx",
        model=CFG.infer.model or [],
    output:
        matrix="<results>/{plate}/{plate}_INF.gctx",
        qc="<results>/{plate}/qc/infer.tsv",
    log:
        "<logs>/infer/{plate}.log",
    benchmark:
        "<benchmarks>/infer/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(800, 1),
        runtime=minutes(5),
    params:
        flags=flags("infer"),
    message:
        "{wildcards.plate}: inferring the genes that were not measured (level 3)"
    shell:
        "beadwork infer {input.matrix:q} {params.flags} -o {output.matrix:q} --qc {output.qc:q}"
        " 2> {log:q}"
