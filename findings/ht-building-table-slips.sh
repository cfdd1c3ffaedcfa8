#!/usr/bin/env bash
# ht 1.2.0: three rows of its building and insulation tables are wrong by an order of magnitude or more.
#
# - "Floor covering, tiles, cork" (DIN EN 12524) conducts 65 W/m/K, like bronze; "Linoleum/cork tile" (ASHRAE) has 0.071.
# - "Particleboard, high density" (ASHRAE) has 1.18 W/m/K; low and medium density have 0.102 and 0.135. 1.18 Btu in/h/ft2/F,
#   the unit of the handbook's other edition, is 0.170 W/m/K.
# - "Particleboard, underlayment" has 1.22 m2K/W at 15.9 mm, 0.013 W/m/K: less than air. 1.22 h ft2 F/Btu is 0.215 m2K/W.
# All three give a wall a wrong heat loss without a word. Exits with 1 where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ht==1.2.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import ht
from ht.insulation import ASHRAE, building_materials


def conductivity(key):
    """W/m/K of an ASHRAE row: [density, cp, k, R in m2K/W, thickness in mm]."""
    _, _, k, resistance, thickness = ASHRAE[key]
    return k if k is not None else thickness / 1000 / resistance


print("ht", ht.__version__)
cork, other_cork = building_materials["Floor covering, tiles, cork"][1], conductivity("Linoleum/cork tile")
print(f"  cork tile: {cork} and {other_cork:.3f} W/m/K; bronze: {building_materials['Metals, bronze'][1]}")
boards = {name: conductivity(f"Particleboard, {name}") for name in ("low density", "medium density", "high density")}
print("  particleboard:", boards)
under = conductivity("Particleboard, underlayment")
print(f"  particleboard underlayment: {under:.4f} W/m/K; air: {building_materials['Gases, air'][1]}")
same = cork == 65 and boards["high density"] > 8 * boards["medium density"] and under < 0.025
sys.exit(0 if same else 1)
PYTHON
