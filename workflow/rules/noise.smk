"""Noise control, where the configuration asks for it. Input: ZSPC. Output: ZSNC, MNZ, siginfo and index beside CMap's.

A model of the study itself is learned once, at the first run, and kept when plates come later, so that these re-run no
other plate. Delete results/noise/own.h5 to learn it anew.
"""

if CFG.noise == "own" and not exists(OWN_NOISE):

    rule train_noise:
        input:
            per_plate("<results>/{plate}/{plate}_ZSPC.gctx"),
        output:
            OWN_NOISE,
        log:
            "<logs>/train_noise.log",
        benchmark:
            "<benchmarks>/train_noise.tsv"
        conda:
            "../../envs/beadwork.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: attempt * (800 + 10 * len(PLATES)),
            runtime=minutes(5, 0.05),
        params:
            flags=flags("train_noise"),
        message:
            "Noise that the wells of this study share"
        shell:
            "beadwork train-noise {input:q} {params.flags} -o {output:q} 2> {log:q}"


rule denoise:
    input:
        noise=noise_input,
        matrix="<results>/{plate}/{plate}_ZSPC.gctx",
    output:
        matrix=keep("<results>/{plate}/{plate}_ZSNC.gctx"),
        qc=keep("<results>/{plate}/qc/denoise.tsv"),
    log:
        "<logs>/denoise/{plate}.log",
    benchmark:
        "<benchmarks>/denoise/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(600, 1),
        runtime=minutes(5),
    params:
        made_with=number_of(
            "denoise",
            "{results}/{plate}/{plate}_ZSNC.gctx",
            NOISE_TABLES,
            OWN_MODEL,
        ),
        flags=flags("denoise"),
        noise=lambda wildcards, input: file_flags(input, "noise"),
    message:
        "{wildcards.plate}: z-scores without the noise that wells share (level 4)"
    shell:
        "beadwork denoise {input.matrix:q} {params.flags} {params.noise} -o {output.matrix:q} --qc {output.qc:q} 2> {log:q}"


rule consensus_cleaned:
    input:
        matrices=lambda wildcards: per_plate(
            "<results>/{plate}/{plate}_ZSNC.gctx", plates_of(wildcards.brew)
        ),
    output:
        matrix=keep("<results>/signatures/{brew}_MNZ.gctx"),
        siginfo=keep("<results>/signatures/{brew}_MNZ_siginfo.tsv"),
        qc=keep("<results>/signatures/qc/consensus_cleaned/{brew}.tsv"),
    log:
        "<logs>/consensus_cleaned/{brew}.log",
    benchmark:
        "<benchmarks>/consensus_cleaned/{brew}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt
        * (600 + 20 * len(plates_of(wildcards.brew))),
        runtime=minutes(5),
    params:
        made_with=number_of(
            "consensus", "{results}/signatures/{brew}_MNZ.gctx", (GENES,)
        ),
        flags=flags("consensus"),
    message:
        "{wildcards.brew}: signatures of cleaned replicates (level 5)"
    shell:
        "beadwork consensus {input.matrices:q} {params.flags} -o {output.matrix:q} --siginfo {output.siginfo:q}"
        " --qc {output.qc:q} 2> {log:q}"


rule collect_cleaned_siginfo:
    input:
        expand("<results>/signatures/{brew}_MNZ_siginfo.tsv", brew=BREWS),
    output:
        keep("<results>/MNZ_siginfo.tsv"),
    log:
        "<logs>/collect_cleaned_siginfo.log",
    benchmark:
        "<benchmarks>/collect_cleaned_siginfo.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (500 + len(PLATES)),
        runtime=minutes(5),
    message:
        "One table of all cleaned signatures"
    shell:
        "beadwork collect {input:q} -o {output:q} 2> {log:q}"


rule index_cleaned:
    input:
        matrices=expand("<results>/signatures/{brew}_MNZ.gctx", brew=BREWS),
        siginfo="<results>/MNZ_siginfo.tsv",
    output:
        index_made("index_MNZ"),
    log:
        "<logs>/index_cleaned.log",
    benchmark:
        "<benchmarks>/index_cleaned.tsv"
    localrule: STUDY_HERE
    conda:
        "../../envs/beadwork.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (1500 + 2 * len(PLATES)),
        runtime=minutes(10, 0.1),
    params:
        made_with=number_of_study("index", "index_MNZ"),
        index=lambda wildcards, output: index_folder(output[0]),
        # whatever the other index holds: only landmarks are cleaned
        flags=render_flags(CFG.index.model_copy(update={"space": "auto"})),
    message:
        "Bringing the index of cleaned signatures in step"
    shell:
        "beadwork index sync {params.index:q} {input.matrices:q} --siginfo {input.siginfo:q} {params.flags}"
        " --threads {threads} 2> {log:q}"


rule figures_noise:
    input:
        matrix="<results>/{plate}/{plate}_ZSNC.gctx",
        rows="<results>/{plate}/qc/denoise.tsv",
    output:
        noise=report(
            keep("<results>/report/{plate}/noise.svg"),
            caption="../report/noise.rst",
            category="Plates",
            subcategory="{plate}",
            labels={"figure": "noise that wells share"},
        ),
    log:
        "<logs>/figures_noise/{plate}.log",
    benchmark:
        "<benchmarks>/figures_noise/{plate}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 600,
        runtime=minutes(5),
    params:
        folder=subpath(output.noise, parent=True),
    message:
        "{wildcards.plate}: drawing the noise that its wells share"
    shell:
        "beadwork figures noise {input.matrix:q} --rows {input.rows:q} -o {params.folder:q} 2> {log:q}"
