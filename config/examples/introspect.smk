# All signatures of an index against all, in shares: snakemake --snakefile config/examples/introspect.smk --cores all
# The bytes do not depend on the number of shares.

INDEX = config.get("index", "results/index")
OUT = config.get("out", "results/introspect")
N = int(config.get("shares", 100))


rule all:
    input:
        f"{OUT}/connections.tsv",


rule share:
    output:
        temp(f"{OUT}/shares/{{number}}_of_{N}/share.json"),  # joined, then removed
    threads: 2
    resources:
        mem_mb=4000,
    shell:
        "beadwork introspect {INDEX} -o {OUT} --share {wildcards.number}/{N} --threads {threads}"


rule join:
    input:
        expand(f"{OUT}/shares/{{number}}_of_{N}/share.json", number=range(1, N + 1)),
    output:
        f"{OUT}/connections.tsv",
    shell:
        "beadwork introspect {INDEX} -o {OUT} --merge"
