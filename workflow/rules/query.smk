"""Queries of the configuration. Input: index and gene sets. Output: results/queries/{query}/."""


rule query:
    input:
        index="<results>/index/manifest.json",
        up=lambda wildcards: query_item(wildcards).up,
        down=lambda wildcards: query_item(wildcards).down or [],
    output:
        update(directory("<results>/queries/{query}")),
    log:
        "<logs>/query/{query}.log",
    benchmark:
        "<benchmarks>/query/{query}.tsv"
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
        index=subpath(input.index, parent=True),
        flags=flags("query"),
    message:
        "{wildcards.query}: asking the index"
    shell:
        "beadwork query {params.index:q} --up {input.up:q} {params.down} {params.flags}"
        " -o {output:q}.part --threads {threads} 2> {log:q} && rm -rf {output:q} && mv {output:q}.part {output:q}"
