"""The report: one page of what was run, what it showed and what it took."""


rule build_report:
    # whole, since it waits for the studies; `polytune build-report` (make report) takes what is there
    input:
        PLAN.targets(PLAN.studies),
    output:
        PATHS.report_page,
    log:
        "logs/build_report.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        files=[f"--configfile={file}" for file in workflow.config_settings.configfiles],
        values=[f"--config={value}" for value in workflow.config_settings.config_args],
        results=lambda wildcards: PATHS.results,
    shell:
        "polytune build-report {params.files:q} {params.values:q} --results {params.results} --output {output} "
        "> {log} 2>&1"


rule report:
    input:
        PATHS.report_page,
        PATHS.explorer,
