# Copy to profiles/slurm/settings.sh (git ignores it) and edit.
export POLYTUNE_ACCOUNT=my-account # who pays: `sacctmgr show assoc user=$USER format=account`
export POLYTUNE_ENVIRONMENT=$HOME/polytune # virtual environment with Polytune, visible from every node
