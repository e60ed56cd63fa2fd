"""Levels 1 to 4: one job for each plate, or one for each stage, as the configuration says."""

if CFG.stages == "plate":

    include: "plate.smk"

else:

    include: "deconvolve.smk"
    include: "normalize.smk"
    include: "infer.smk"
    include: "zscore.smk"
