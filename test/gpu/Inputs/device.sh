#!/usr/bin/env bash
# The folder for a machine with a GPU, made and run here: PYTHON FOLDER DRIVER [emulated|broken]
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
"$1" "$here/prepare_device.py" --models='^mnist-8$' "$2" > "$2.log"
if grep -q "nothing to do" "$2.log"; then
  echo "no models"
  exit 0
fi
export LATHE_CUDA_DRIVER=$3
if [ "$4" = emulated ]; then
  model=$("$1" -c 'import sys; sys.path.insert(0, sys.argv[1]); from harness import places; print(places.models())' "$here/..")/mnist-8/model.onnx
  lathe "$model" --target=nvptx64-nvidia-cuda --cpu=sm_80 --emit=device-ll -o "$2.ll"
  lathe-gpu-emulate "$2.ll" "$2.o"
  cc -shared "$2.o" -o "$2.so"
  export FAKECUDA_KERNELS=$2.so
fi
"$2/run.sh" 0.05
