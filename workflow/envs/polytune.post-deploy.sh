#!/bin/sh
# Snakemake runs this in the new environment, from the folder that it was started in: the checkout, whose code every step runs.
set -eu
grep -qs '^name = "polytune"' pyproject.toml || {
    echo "polytune.post-deploy.sh: $PWD is no checkout of Polytune; start Snakemake in one" >&2
    exit 1
}
python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
