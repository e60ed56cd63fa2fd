"""beadwork: from Luminex beads to a connectivity index. The workflow itself stands in workflow/Snakefile."""


include: "workflow/Snakefile"


workflow.default_target = "all"  # which a file that is included cannot choose
