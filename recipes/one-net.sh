#!/usr/bin/env bash
# One EfficientNet-Lite2 that computes in 8 bits, from the data to a model folder, in the place of the bundled pair. Run it
# again after an interruption: it goes on where it was.
#   bash recipes/one-net.sh DATA BACKBONE.safetensors OUT [--set KEY=VALUE]...
# What each step brought, and what is still wrong with it, stands in docs/research/experiments.md. Settings given at the end hold
# for all three trainings: --set licences=permissive leaves out the photos that are for research only or state no
# licence, those by which the others are judged among them; then add --set "calibration_sources=[]".
set -euo pipefail
data=$1 backbone=$2 out=$3
shift 3
recipes=$(dirname "$0")

train() {
  local name=$1
  shift
  [ -f "$out/$name/model.json" ] && return
  local resume=()
  [ -f "$out/$name/config.json" ] && resume=(--resume)
  madeof train "$data" --out "$out/$name" --config "$recipes/one-net-$name.toml" \
    --set "backbone_weights=$backbone" "$@" "${resume[@]}"
}

train first "$@"
train second --set "start=$out/first" "$@"
train third --set "start=$out/second" "$@"

judges=()
while read -r source; do judges+=(--calibration-source "$source"); done < <(
  python -c 'import sys, tomllib; print(*tomllib.load(open(sys.argv[1], "rb"))["calibration_sources"], sep="\n")' \
    "$recipes/one-net-third.toml"
)
case " $* " in *" licences=permissive "*) judges=() ;; esac
[ -f "$out/one-net/model.json" ] || madeof export "$out/third" --out "$out/one-net" --bits 8 \
  --quantize "$data" --memory "$data" "${judges[@]}"
