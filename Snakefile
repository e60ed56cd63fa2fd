"""beadwork: from Luminex beads to a connectivity index. Each rule calls one command of `beadwork`."""

from snakemake.utils import min_version

min_version("9.20")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/levels.smk"
include: "workflow/rules/consensus.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/noise.smk"
include: "workflow/rules/query.smk"
include: "workflow/rules/qc.smk"
include: "workflow/rules/report.smk"


# seconds each, and nothing to wait for in a queue
localrules:
    collect_brew_qc,
    collect_siginfo,
    collect_cleaned_siginfo,
    collect_qc,
    status,
    figures_study,
    figures_query,
    report,


rule all:
    default_target: True
    input:
        all_targets(),


onsuccess:
    print(closing_lines())


onerror:
    report_what_there_is()
