"""Levels 1 to 4 of a plate in one job. Input: LXB files and map. Output: all its matrices, QC rows.

Files that are there stay until the job replaces them: a step whose files are whole, of the same inputs and parameters,
is not done again. `stages: separate` in the configuration makes the same files with one rule for each step.
"""


rule plate:
    input:
        lxb=beads_of,
        map=own_file("map"),
        model=own_file("model"),
        bead_set=own_file("bead_set"),
    output:
        **plate_files(vehicles=CFG.zsvc),
    log:
        "<logs>/plate/{plate}.log",
    wildcard_constraints:
        plate=names_with_vehicles(),
    group:
        "plates" if CFG.group_plates else None
    conda:
        "../../envs/beadwork.yaml"
    threads: 1
    resources:
        mem_mb=memory(700, 2),
        runtime=minutes(5),
    params:
        folder=subpath(output.ZSPC, parent=True),
        plate=plate_flags,
        beads=beads_flags,
        made_with=numbers_of,
        flags=all_plate_flags(),
    message:
        "{wildcards.plate}: from its beads to z-scores (levels 2 to 4)"
    shell:
        "# the files of beadwork deconvolve, normalize, infer and zscore, made in one process\n"
        "beadwork plate {params.beads} --map {input.map:q} {params.plate} {params.flags} -o {params.folder:q}"
        " --threads {threads} 2> {log:q}"


if CFG.zsvc:

    use rule plate as plate_without_vehicles with:
        output:
            **plate_files(vehicles=False),
        wildcard_constraints:
            plate=names_with_vehicles(False),
