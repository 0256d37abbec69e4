#!/usr/bin/env bash
# One MoE layer of a real model, from its published configuration to verified,
# measured machine code. Run by `./dev demo [olmoe|mixtral]`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PWD/build/bin:$PATH

model=${1:-olmoe}
case $model in
olmoe) config=examples/olmoe-1b-7b.json ;;
mixtral) config=examples/mixtral-8x7b.json ;;
*) echo "demo: expected olmoe or mixtral, got $model" >&2; exit 2 ;;
esac
out=build/demo/$model
mkdir -p "$out"

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The steps of a function, without types and regions, with the parameters' names.
outline() {
  local names=() index=0 rename=() name
  mapfile -t names < <(grep -m1 'func.func' "$out/layer.mlir" | grep -oE '%[a-z_0-9]+: ' | tr -d ': ')
  for name in "${names[@]}"; do
    rename+=(-e "s/%arg$((index++))\\b/$name/g")
  done
  sed -nE 's/^ {4}(%[^=]+= (moe|linalg\.(matmul|generic|add))|return)/\1/p' |
    sed -E -e 's/ : \(.*//' -e 's/ ins\(([^:]*) : [^)]*\)/ \1/' -e 's/ outs\(.*//' -e 's/ -> tensor.*//' \
      -e 's/ : [^ ]+$//' -e 's/ attributes .*//' -e 's/ indexing_maps = \[[^]]*\]//' -e 's/ \{[^}]*\}//' -e 's/ \{$//' "${rename[@]}" -e 's/^/  /'
}
levels() { moe-opt "$out/layer.mlir" "$@" | outline; }

title "1. Import $config"
moe-import "$config" -o "$out/layer.mlir" --name="$model"
echo "graph level: what the model says"
levels
echo "routed level: every step visible"
levels --moe-decompose --canonicalize --cse
echo "fused level: what will be kernels"
levels --moe-fuse

title "2. Compile for this machine"
start=$(date +%s%N)
moe-compile "$out/layer.mlir" --target=cpu --cpu=native --emit=lib -o "$out/lib$model.so"
echo "compiled in $((($(date +%s%N) - start) / 1000000)) ms:" \
  "$out/lib$model.so ($(($(stat -c %s "$out/lib$model.so") / 1024)) KiB) and $out/lib$model.h"

echo "what there is to do:"
moe-compile "$out/layer.mlir" --target=cpu --cpu=native --emit=mlir -o "$out/lowered.mlir" --report

title "3. Verify against the reference interpreter, at full size, on a sample of tokens"
moe-run "$out/layer.mlir" --engine=cpu --tokens=16 --seed=1 --compare=interpreter

title "4. Run on random tokens"
for tokens in 1 16 256; do
  moe-run "$out/layer.mlir" --engine=cpu --tokens=$tokens --seed=1 --repeat=20 \
    $([[ $tokens != 256 ]] || echo --stats)
done
