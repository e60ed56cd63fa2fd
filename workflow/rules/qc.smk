"""QC rows of all stages, first by brew, then of the study: results/qc.tsv. (Two steps keep command lines short.)"""


rule collect_brew_qc:
    input:
        plates=lambda wildcards: expand(
            "<results>/{plate}/qc/{stage}.tsv",
            plate=plates_of(wildcards.brew),
            stage=STAGES,
        )
        + expand(
            "<results>/{plate}/qc/zscore_vehicle.tsv",
            plate=filter(has_vehicles, plates_of(wildcards.brew)),
        ),
        signatures="<results>/signatures/qc/consensus/{brew}.tsv",
        cleaned=(
            ["<results>/signatures/qc/consensus_cleaned/{brew}.tsv"]
            if CFG.noise != "off"
            else []
        ),
    output:
        keep("<results>/signatures/qc/{brew}.tsv"),
    log:
        "<logs>/collect_brew_qc/{brew}.log",
    benchmark:
        "<benchmarks>/collect_brew_qc/{brew}.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 500,
        runtime=minutes(5),
    params:
        made_with=number_of_study("collect"),
    message:
        "{wildcards.brew}: one table of its QC rows"
    shell:
        "beadwork collect {input.plates:q} {input.signatures:q} {input.cleaned:q} -o {output:q} 2> {log:q}"


rule check_plates:
    input:
        per_plate("<results>/{plate}/{plate}_GEX.gctx"),
        failed=failed_input(),
    output:
        table=keep("<results>/plate_check.tsv"),
        qc=keep("<results>/plate_check_qc.tsv"),
    log:
        "<logs>/check_plates.log",
    benchmark:
        "<benchmarks>/check_plates.tsv"
    localrule: STUDY_HERE
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (700 + 3 * len(PLATES)),
        runtime=minutes(10, 0.05),
    params:
        made_with=number_of_study("check-plates"),
        results=subpath(output.table, parent=True),
        sheets=sheet_flags(),
        failed=lambda wildcards, input: file_flags(input, "failed"),
        flags=flags("check_plates"),
    message:
        "Do the plates hold what the plate sheet says?"
    shell:
        "beadwork check-plates {params.results:q} {params.sheets} {params.failed} {params.flags} -o {output.table:q}"
        " --qc {output.qc:q} 2> {log:q}"


rule collect_qc:
    input:
        expand("<results>/signatures/qc/{brew}.tsv", brew=BREWS),
        "<results>/plate_check_qc.tsv",
    output:
        qc=keep("<results>/qc.tsv"),
        wells=keep("<results>/wells.tsv"),
        plates=keep("<results>/plates.tsv"),
    log:
        "<logs>/collect_qc.log",
    benchmark:
        "<benchmarks>/collect_qc.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (600 + len(PLATES) // 3),
        runtime=minutes(5),
    params:
        made_with=number_of_study("collect"),
    message:
        "One table of all QC rows, and wide ones of wells and plates"
    shell:
        "beadwork collect {input:q} -o {output.qc:q} --wells {output.wells:q} --plates {output.plates:q} 2> {log:q}"


rule status:
    input:
        qc="<results>/qc.tsv",
        siginfo="<results>/siginfo.tsv",
        index=index_of("index"),
        cleaned=[index_of("index_MNZ")] if CFG.noise != "off" else [],
        zsvc=lambda wildcards: per_plate(
            "<results>/{plate}/{plate}_ZSVC.gctx", filter(has_vehicles, PLATES)
        ),
        rest=lambda wildcards: looked_at() if STORED else [],
        failed=failed_input(),
    output:
        record=keep("<results>/status.tsv"),
        page=report(
            keep("<results>/report/changes.html"),
            caption="../report/changes.rst",
            category="Study",
            labels={"figure": "what is new, and what is there"},
        ),
    log:
        "<logs>/status.log",
    benchmark:
        "<benchmarks>/status.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (500 + len(PLATES)),
        runtime=minutes(5, 0.01),
    params:
        results=subpath(output.record, parent=True),
        sheets=sheet_flags(),
        failed=lambda wildcards, input: file_flags(input, "failed"),
    message:
        "What is new, and what is there"
    shell:
        "beadwork status {params.results:q} {params.sheets} {params.failed} --record {output.record:q} --page {output.page:q}"
        " > {log:q} 2>&1"
