"""QC rows of all stages, first by brew, then of the study: results/qc.tsv. (Two steps keep command lines short.)"""


rule collect_brew_qc:
    input:
        plates=lambda wildcards: expand(
            "<results>/{plate}/qc/{stage}.tsv",
            plate=plates_of(wildcards.brew),
            stage=STAGES,
        ),
        signatures="<results>/signatures/qc/{brew}_consensus.tsv",
    output:
        "<results>/signatures/qc/{brew}.tsv",
    log:
        "<logs>/collect_brew_qc/{brew}.log",
    benchmark:
        "<benchmarks>/collect_brew_qc/{brew}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 500,
        runtime=minutes(5),
    message:
        "{wildcards.brew}: one table of its QC rows"
    shell:
        "beadwork collect {input.plates} {input.signatures} -o {output} 2> {log}"


rule collect_qc:
    input:
        expand("<results>/signatures/qc/{brew}.tsv", brew=BREWS),
    output:
        "<results>/qc.tsv",
    log:
        "<logs>/collect_qc.log",
    benchmark:
        "<benchmarks>/collect_qc.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (500 + 5 * len(PLATES)),
        runtime=minutes(5),
    message:
        "One table of all QC rows"
    shell:
        "beadwork collect {input} -o {output} 2> {log}"
