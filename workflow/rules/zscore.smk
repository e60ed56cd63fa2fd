"""Level 3 to 4. Input: INF, and uncertainties if they are used. Output: ZSPC, and ZSVC where the plate has vehicle
wells; QC rows; reliabilities if signatures are to weigh by them."""


rule zscore:
    input:
        **(score_doubt() if USES_SD else {}),
        matrix="<results>/{plate}/{plate}_INF.gctx",
    output:
        **(kept(doubt_files("RELIABILITY")) if CFG.consensus_sd else {}),
        matrix=keep("<results>/{plate}/{plate}_ZSPC.gctx"),
        qc=keep("<results>/{plate}/qc/zscore.tsv"),
    log:
        "<logs>/zscore/{plate}.log",
    benchmark:
        "<benchmarks>/zscore/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(600, 1),
        runtime=minutes(5),
    params:
        flags=flags("zscore"),
        shrink="--no-shrink" if CFG.consensus_sd and not CFG.zscore_sd else "",
        uncertainty=lambda wildcards, input, output: (
            f"{file_flags(input, 'sd')} {file_flags(output, 'reliability')}"
        ),
    message:
        "{wildcards.plate}: z-scores against all wells of the plate (level 4)"
    shell:
        "beadwork zscore {input.matrix:q} {params.flags} {params.uncertainty} {params.shrink} -o {output.matrix:q} --qc {output.qc:q}"
        " 2> {log:q}"


rule zscore_vehicle:
    input:
        **(score_doubt() if CFG.zscore_sd else {}),
        matrix="<results>/{plate}/{plate}_INF.gctx",
    output:
        matrix=keep("<results>/{plate}/{plate}_ZSVC.gctx"),
        qc=keep("<results>/{plate}/qc/zscore_vehicle.tsv"),
    log:
        "<logs>/zscore_vehicle/{plate}.log",
    benchmark:
        "<benchmarks>/zscore_vehicle/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(600, 1),
        runtime=minutes(5),
    params:
        flags=flags("zscore"),
        uncertainty=lambda wildcards, input: file_flags(input, "sd"),
    message:
        "{wildcards.plate}: z-scores against the vehicle wells of the plate (level 4)"
    shell:
        "beadwork zscore {input.matrix:q} --population vehicle --if-few missing {params.flags} {params.uncertainty} -o {output.matrix:q} --qc {output.qc:q}"
        " 2> {log:q}"
