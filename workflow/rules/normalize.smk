"""Level 2 to 3, landmarks. Input: GEX and calibrators. Output: NORM, QNORM, QC rows; bad wells leave here."""


rule normalize:
    input:
        gex="<results>/{plate}/{plate}_GEX.gctx",
        calibrators="<results>/{plate}/{plate}_CAL.gctx",
    output:
        norm=keep("<results>/{plate}/{plate}_NORM.gctx"),
        qnorm=keep("<results>/{plate}/{plate}_QNORM.gctx"),
        curves=keep("<results>/{plate}/{plate}_CURVES.tsv"),
        qc=keep("<results>/{plate}/qc/normalize.tsv"),
    log:
        "<logs>/normalize/{plate}.log",
    benchmark:
        "<benchmarks>/normalize/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(600, 1),
        runtime=minutes(5),
    params:
        flags=flags("normalize"),
    message:
        "{wildcards.plate}: scaling and quantile-normalising its wells (level 3)"
    shell:
        "beadwork normalize {input.gex:q} --calibrators {input.calibrators:q} {params.flags} --norm {output.norm:q}"
        " -o {output.qnorm:q} --curves {output.curves:q} --qc {output.qc:q} 2> {log:q}"
