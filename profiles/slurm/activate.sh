# source profiles/slurm/activate.sh      before snakemake, in every new shell
_polytune_profile=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -r "$_polytune_profile/settings.sh" ]; then
    . "$_polytune_profile/settings.sh"
else
    echo "activate.sh: copy $_polytune_profile/settings.example.sh to settings.sh beside it and edit it" >&2
fi
export PATH="$_polytune_profile/bin:${POLYTUNE_ENVIRONMENT-}/bin:$PATH" # our sacct first (see there why)
export SBATCH_OPEN_MODE=append # a job that starts again continues its log
export HF_HUB_OFFLINE=1 # nothing but `polytune prefetch` asks the hub
export HF_HOME="${TMPDIR:-/tmp}/$USER-polytune/huggingface" # file locks and small files: no network file system
unset _polytune_profile
