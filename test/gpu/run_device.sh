#!/usr/bin/env bash
# Runs what prepare_device.py made, on a machine that has a GPU's driver and need have nothing else:
#
#   FOLDER/run.sh [SECONDS]      for each model a line: right or not, the largest error, times
#
# Two seconds a model by default; exits with 1 if any result is wrong.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here" || exit 2
nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
failed=0
for program in */run; do
  timeout 60 "$program" "$(dirname "$program")" "${1:-2}" || failed=1
done
exit $failed
