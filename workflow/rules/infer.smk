"""Level 3, all genes. Input: QNORM, a model if the configuration names one, uncertainties of the landmarks if scores or
signatures use them. Output: INF, QC rows, and then the uncertainties of all genes (INFSD).
"""


rule infer:
    input:
        **({"measured_sd": doubt_files("SD")["sd"]} if USES_SD else {}),
        matrix="<results>/{plate}/{plate}_QNORM.gctx",
        model=here(CFG.infer.model),
    output:
        **(kept(score_doubt()) if USES_SD else {}),
        matrix=keep("<results>/{plate}/{plate}_INF.gctx"),
        qc=keep("<results>/{plate}/qc/infer.tsv"),
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
        uncertainty=lambda wildcards, input, output: (
            f"{file_flags(input, 'measured_sd')} {file_flags(output, 'sd')}"
        ),
    message:
        "{wildcards.plate}: inferring the genes that were not measured (level 3)"
    shell:
        "beadwork infer {input.matrix:q} {params.flags} {params.uncertainty} -o {output.matrix:q} --qc {output.qc:q}"
        " 2> {log:q}"
