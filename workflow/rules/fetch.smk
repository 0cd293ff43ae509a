"""Fetch: the only steps that touch the network; they run beside Snakemake, on a cluster's login node.

The revision is part of the folder, so that another revision is another download.
"""

from polytune.fetch.wanted import FOLDERS, find_wanted

KIND_OF = {folder: kind for kind, folder in FOLDERS.items()}


localrules:
    fetch,
    prefetch,


rule fetch:
    output:
        f"{PATHS.fetched('{kind}', '{name}', '{revision}')}/manifest.json",
    log:
        "logs/fetch/{kind}/{revision}/{name}.log",
    wildcard_constraints:
        kind="|".join(KIND_OF),
        revision="[^/]+",
        name="[^/]+(/[^/]+)?",  # a benchmark's is its hub id
    conda:
        "../envs/polytune.yaml"
    params:
        kind=lambda wildcards: KIND_OF[wildcards.kind],
        # values of the tables, so that an edit that decides what is fetched makes it stale
        options=lambda wildcards: find_wanted(
            KIND_OF[wildcards.kind], wildcards.name
        ).options(),
        directory=subpath(output[0], parent=True),
    shell:
        "polytune prefetch {params.kind} {wildcards.name} {params.options:q} --output {params.directory} > {log} 2>&1"


rule prefetch:
    # everything that the configured studies read from outside
    input:
        PLAN.fetched(),
