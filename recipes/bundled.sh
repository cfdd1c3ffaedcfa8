#!/usr/bin/env bash
# The bundled model from the data to its folder. Run it again after an interruption: it goes on where it was.
#   bash recipes/bundled.sh DATA BACKBONE.safetensors OUT [--set KEY=VALUE]...
# What each step costs and brings is in docs/research/bundled-model.md. Settings given at the end hold for all three trainings:
# --set licences=permissive leaves out the photos that are for research only, the everyday ones, by which the others are
# judged, among them.
set -euo pipefail
data=$1 backbone=$2 out=$3
shift 3
recipes=$(dirname "$0")
judges=(--calibration-source everyday) settings=("$@")
case " $* " in *" licences=permissive "*) judges=() settings+=(--set "calibration_sources=[]") ;; esac

train() {
  local name=$1
  shift
  [ -f "$out/$name/model.json" ] && return
  local resume=()
  [ -f "$out/$name/config.json" ] && resume=(--resume)
  madeof train "$data" --out "$out/$name" --config "$recipes/bundled-$name.toml" \
    --set "backbone_weights=$backbone" "$@" "${resume[@]}"
}

train first "${settings[@]}"
train second "${settings[@]}"
train third --set "start=$out/second" "${settings[@]}"
[ -f "$out/both/model.json" ] || madeof combine "$data" --run "$out/first" --run "$out/third" --out "$out/both" \
  --name madeof-small --side 512 "${judges[@]}"
[ -f "$out/bundled/model.json" ] || madeof export "$out/both" --out "$out/bundled" --bits 8 \
  --ranges "$data" --memory "$data" "${judges[@]}"
