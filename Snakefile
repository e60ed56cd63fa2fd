"""beadwork: from Luminex beads to a connectivity index. The workflow itself stands in workflow/Snakefile."""


include: "workflow/Snakefile"
