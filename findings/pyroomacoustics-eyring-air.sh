#!/usr/bin/env bash
# pyroomacoustics 0.10.1: rt60_eyring adds the air's absorption with the wrong sign, so that air makes a room ring longer.
#
# Eyring with air is T = 24 ln 10 / c * V / (4 m V - S ln(1 - a)) (Kuttruff, Room Acoustics, 5.1): more absorption by the
# air, m > 0, must shorten T. The function computes -(24 ln 10 / c) V / (S ln(1 - a) + 4 m V). Its rt60_sabine is right.
# Exits with 1 where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyroomacoustics==0.10.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import math
import sys

import pyroomacoustics as pra
from pyroomacoustics.acoustics import rt60_eyring, rt60_sabine

S, V, a, c = 94.0, 60.0, 0.1, 343.0  # a room of 5 x 4 x 3 m
print("pyroomacoustics", pra.__version__)
print("  m (1/m)   Sabine   Eyring   Eyring as published")
times = []
for m in (0.0, 0.005, 0.02):
    right = 24 * math.log(10) / c * V / (4 * m * V - S * math.log(1 - a))
    times.append((rt60_sabine(S, V, a, m, c), rt60_eyring(S, V, a, m, c), right))
    print(f"  {m:7.3f} {times[-1][0]:8.3f} {times[-1][1]:8.3f} {right:8.3f}   s")
rises = times[0][1] < times[1][1] < times[2][1]
falls = times[0][0] > times[1][0] > times[2][0]
print("air lengthens the time by Eyring:", rises, "- and shortens it by Sabine:", falls)
sys.exit(0 if rises and falls else 1)
PYTHON
