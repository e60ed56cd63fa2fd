"""Level 1 to 2. Input: LXB files and map of a plate. Output: GEX, calibrators, bead support, QC rows;
uncertainties and odds if the method gives them."""


rule deconvolve:
    input:
        lxb=beads_of,
        bead_set=own_file("bead_set"),
        map=own_file("map"),
    output:
        **kept(doubt_files("SD", "ODDS")),
        gex=keep("<results>/{plate}/{plate}_GEX.gctx"),
        calibrators=keep("<results>/{plate}/{plate}_CAL.gctx"),
        support=keep("<results>/{plate}/{plate}_SUPPORT.gctx"),
        qc=keep("<results>/{plate}/qc/deconvolve.tsv"),
    log:
        "<logs>/deconvolve/{plate}.log",
    benchmark:
        "<benchmarks>/deconvolve/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 2
    resources:
        mem_mb=memory(700, 2),
        runtime=minutes(5),
    params:
        plate=plate_flags,
        flags=flags("deconvolve"),
        uncertainty=lambda wildcards, output: file_flags(output, "sd", "odds"),
    message:
        "{wildcards.plate}: calling the peaks of its beads (level 2)"
    shell:
        "beadwork deconvolve {input.lxb:q} --map {input.map:q} {params.plate} {params.flags} -o {output.gex:q}"
        " --calibrators {output.calibrators:q} --support {output.support:q} {params.uncertainty} --qc {output.qc:q}"
        " --threads {threads} 2> {log:q}"
