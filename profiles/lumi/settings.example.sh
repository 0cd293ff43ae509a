# Copy to profiles/lumi/settings.sh (git ignores it) and edit. The one place for what is yours.
export POLYTUNE_ACCOUNT=project_465000000 # who pays: `lumi-workspaces` or `sacctmgr show assoc user=$USER format=account`
export POLYTUNE_SCRATCH=/scratch/$POLYTUNE_ACCOUNT/$USER/polytune # results, checkpoints, downloads
export POLYTUNE_HOST_ENVIRONMENT=/project/$POLYTUNE_ACCOUNT/$USER/polytune-host # Python for Snakemake (README, step 2)
export POLYTUNE_CONTAINER=/appl/local/laifs/containers/lumi-multitorch-latest.sif # pin the dated file behind it for a paper
export POLYTUNE_PACKAGES=/project/$POLYTUNE_ACCOUNT/$USER/polytune-packages.sqsh # what the container lacks (README, step 3)
