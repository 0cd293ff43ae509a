# source profiles/lumi/activate.sh      before snakemake, in every new shell
_polytune_profile=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -r "$_polytune_profile/settings.sh" ]; then
    . "$_polytune_profile/settings.sh"
else
    echo "activate.sh: copy $_polytune_profile/settings.example.sh to settings.sh beside it and edit it" >&2
fi
# our polytune and sacct first (see there why), then Snakemake's Python
export PATH="$_polytune_profile/bin:$_polytune_profile/../slurm/bin:${POLYTUNE_HOST_ENVIRONMENT-}/bin:$PATH"
export SBATCH_OPEN_MODE=append # a job that starts again continues its log
# the container's bindings to the network libraries of the host
if command -v module >/dev/null 2>&1; then
    module use /appl/local/laifs/modules
    module load lumi-aif-singularity-bindings
fi
unset _polytune_profile
