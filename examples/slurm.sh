#!/bin/bash
# Train on two machines of four GPUs under Slurm; not run on a cluster yet. Five minutes before the time
# is over the job gets SIGTERM, saves a checkpoint and goes back into the queue; then it resumes.
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@300
#SBATCH --requeue

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
run=runs/mine
train="train videos --data my_store --run $run"
if [ -e $run/experiment.json ]; then train="train --resume $run"; fi
trap 'kill -TERM $!; wait; scontrol requeue $SLURM_JOB_ID' TERM
srun torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint "$head:29500" \
    -- $(which dlh) $train &
wait
