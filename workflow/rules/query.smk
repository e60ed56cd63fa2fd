"""Queries of the configuration. Input: index and gene sets. Output: results/queries/{query}/."""


rule query:
    input:
        index=index_of("index"),
        up=lambda wildcards: here(query_item(wildcards).up),
        down=lambda wildcards: here(query_item(wildcards).down),
    output:
        keep(directory("<results>/queries/{query}")),
    log:
        "<logs>/query/{query}.log",
    benchmark:
        "<benchmarks>/query/{query}.tsv"
    localrule: STUDY_HERE
    conda:
        "../../envs/beadwork.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1500 + 10 * len(PLATES)),
        runtime=minutes(10, 0.1),
    params:
        down=lambda wildcards, input: (
            f"--down {shlex.quote(str(input.down))}" if input.down else ""
        ),
        index=lambda wildcards, input: index_folder(input.index),
        flags=flags("query"),
    message:
        "{wildcards.query}: asking the index"
    shell:
        "beadwork query {params.index:q} --up {input.up:q} {params.down} {params.flags}"
        " -o {output:q}.part --threads {threads} 2> {log:q} && rm -rf {output:q} && mv {output:q}.part {output:q}"
