"""The report and its figures. Input: matrices, QC rows, siginfo, answers. Output: results/report/index.html and what it
links to. (`snakemake --report FILE` joins the same figures with the captions and the run's own statistics.)
"""


rule figures_plate:
    input:
        **doubt_files("SD", "ODDS"),
        lxb=beads_to_draw,
        gex="<results>/{plate}/{plate}_GEX.gctx",
        curves="<results>/{plate}/{plate}_CURVES.tsv",
        rows=expand(
            "<results>/{{plate}}/qc/{stage}.tsv", stage=["deconvolve", "normalize"]
        ),
    output:
        **doubt_figures(),
        wells=report(
            keep("<results>/report/{plate}/wells.svg"),
            caption="../report/wells.rst",
            category="Plates",
            subcategory="{plate}",
            labels={"figure": "wells"},
        ),
        calibration=report(
            keep("<results>/report/{plate}/calibration.svg"),
            caption="../report/calibration.rst",
            category="Plates",
            subcategory="{plate}",
            labels={"figure": "calibration curves"},
        ),
        beads=report(
            keep("<results>/report/{plate}/beads.svg"),
            caption="../report/beads.rst",
            category="Plates",
            subcategory="{plate}",
            labels={"figure": "beads and their peaks"},
        ),
    log:
        "<logs>/figures_plate/{plate}.log",
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(700, 3),
        runtime=minutes(5),
    params:
        folder=subpath(output.wells, parent=True),
        uncertainty=lambda wildcards, input: file_flags(input, "sd", "odds"),
    message:
        "{wildcards.plate}: drawing its figures"
    shell:
        "beadwork figures plate {input.gex:q} --lxb {input.lxb:q} --curves {input.curves:q}"
        " --rows {input.rows[0]:q} --rows {input.rows[1]:q} {params.uncertainty} -o {params.folder:q} --threads {threads} 2> {log:q}"


rule figures_brew:
    input:
        matrices=lambda wildcards: per_plate(
            "<results>/{plate}/{plate}_ZSPC.gctx", plates_of(wildcards.brew)
        ),
    output:
        replicates=report(
            keep("<results>/report/{brew}/replicates.svg"),
            caption="../report/replicates.rst",
            category="Replicates",
            labels={"brew": "{brew}", "figure": "replicate correlation"},
        ),
        table=keep("<results>/report/{brew}/replicates.tsv"),
    log:
        "<logs>/figures_brew/{brew}.log",
    benchmark:
        "<benchmarks>/figures_brew/{brew}.tsv"
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt
        * (700 + 200 * len(plates_of(wildcards.brew))),
        runtime=minutes(5),
    params:
        folder=subpath(output.replicates, parent=True),
        fields=shlex.quote(",".join(CFG.consensus.group_by)),
    message:
        "{wildcards.brew}: drawing the correlation of its replicates"
    shell:
        "beadwork figures brew {input.matrices:q} --group-by {params.fields} -o {params.folder:q}"
        " 2> {log:q}"


rule figures_study:
    input:
        qc="<results>/qc.tsv",
        siginfo="<results>/siginfo.tsv",
    output:
        plates=report(
            keep("<results>/report/plates.svg"),
            caption="../report/plates.rst",
            category="Study",
            labels={"figure": "plates at a glance"},
        ),
        tas=report(
            keep("<results>/report/tas.svg"),
            caption="../report/tas.rst",
            category="Study",
            labels={"figure": "transcriptional activity"},
        ),
    log:
        "<logs>/figures_study.log",
    benchmark:
        "<benchmarks>/figures_study.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (700 + 5 * len(PLATES)),
        runtime=minutes(5),
    params:
        folder=subpath(output.plates, parent=True),
    message:
        "Drawing the figures of the study"
    shell:
        "beadwork figures study --rows {input.qc:q} --siginfo {input.siginfo:q} -o {params.folder:q}"
        " 2> {log:q}"


rule figures_query:
    input:
        "<results>/queries/{query}",
    output:
        connections=report(
            keep("<results>/report/queries/{query}/connections.svg"),
            caption="../report/connections.rst",
            category="Queries",
            labels={"query": "{query}", "figure": "strongest connections"},
        ),
    log:
        "<logs>/figures_query/{query}.log",
    benchmark:
        "<benchmarks>/figures_query/{query}.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 700,
        runtime=minutes(5),
    params:
        folder=subpath(output.connections, parent=True),
    message:
        "{wildcards.query}: drawing its strongest connections"
    shell:
        "beadwork figures query {input:q} -o {params.folder:q} 2> {log:q}"


rule report:
    input:
        figures=report_figures(),
        status="<results>/status.tsv",
        check="<results>/plate_check.tsv",
        rest=lambda wildcards: shown() if STORED else [],
        failed=failed_input(),
    output:
        keep("<results>/report/index.html"),
        if_stored(*(directory(f"<results>/report/{name}") for name in REPORT_FOLDERS)),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    localrule: True
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: attempt * (500 + len(PLATES)),
        runtime=minutes(5, 0.01),
    params:
        results=subpath(input.status, parent=True),
        folder=subpath(output[0], parent=True),
        sheets=sheet_flags(),
        failed=lambda wildcards, input: file_flags(input, "failed"),
        parts=report_parts(),
    message:
        "The report of the study"
    shell:
        "beadwork report {params.results:q} {params.sheets} {params.failed} {params.parts} -o {params.folder:q} > {log:q} 2>&1"
