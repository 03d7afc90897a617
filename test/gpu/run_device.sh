#!/usr/bin/env bash
# On a machine with a GPU, from carried binaries: checks models against their recorded outputs and times
# them. Needs the build folder's bin/lathe-run with the shared LLVM that it was linked with, and the models.
#
#   test/gpu/run_device.sh [CPU [MODEL-FOLDER...]]      default: sm_80, the three models of the tests
#
# The PTX of an older chip runs on every newer one.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${LATHE_BUILD:-$root/build}
cpu=${1:-sm_80}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- "$build"/data/models/{mnist-8,squeezenet1.1-fp16,tfbert-squad-tiny}
target="--target=nvptx64-nvidia-cuda --cpu=$cpu"
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
failed=0
for model in "$@"; do
  name=$(basename "$model")
  for data in "$model"/data_*; do
    if "$build/bin/lathe-run" "$model/model.onnx" $target --data "$data"; then
      echo "$name $(basename "$data"): right"
    else
      echo "$name $(basename "$data"): WRONG"
      failed=1
    fi
  done
  "$build/bin/lathe-run" "$model/model.onnx" $target --bench=2 --json | tail -1 | sed "s/^/$name gpu /"
  "$build/bin/lathe-run" "$model/model.onnx" --bench=2 --json | tail -1 | sed "s/^/$name cpu /"
done
exit $failed
