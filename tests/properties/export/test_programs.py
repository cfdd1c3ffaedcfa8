"""Each file is loaded by the program that it is for (pytest -m properties, the extra `properties-check`)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from madeof.properties import KINDS
from madeof.properties.export import TARGETS, export
from madeof.properties.export.values import Values, identifiers, read_answers, values_of

pytestmark = [
    pytest.mark.properties,
    # These packages warn of their own making.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"),
]

HARD_NAMES = ("photo.jpg/box 0", 'a "quoted" <b>&c/table.png', "Ünïcode \U0001f600/label 3 #1", "0", "photo_jpg/box_0")
"""What files are called: quotes, marks of XML, other scripts, no letter at all, alike once made plain."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers of which all are sure but the last, of a material that no source knows."""
    path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    sure = [("Wood", 0.97), ("Metal", 0.99), ("Glass", 1.0), ("Concrete", 0.95), ("Sky", 0.99)]
    with path.open("w", encoding="utf-8") as file:
        for name, (material, score) in zip(HARD_NAMES, sure, strict=True):
            image, _, region = name.rpartition("/")
            top = [{"material": material, "score": score}]
            file.write(json.dumps({"image": image, "regions": [{"region": region, "top": top}]}) + "\n")
    return path


def written(answers: Path, to: str, folder: Path) -> tuple[Path, Values]:
    values = values_of(
        read_answers(answers), TARGETS[to].properties, place="wall", frequency_ghz=2.4 if to == "sionna" else None
    )
    path = folder / f"out{TARGETS[to].suffixes[0]}"
    lines = export(values, to, path)
    assert lines[0].startswith(f"{to} has no place for")
    return path, values


def test_pyroomacoustics(answers: Path, tmp_path: Path) -> None:
    import pyroomacoustics as pra

    path, values = written(answers, "pyroomacoustics", tmp_path)
    materials = json.loads(path.read_text(encoding="utf-8"))
    assert len(materials) == 3  # wood, glass, concrete; metal and the sky have no absorption
    wood = pra.Material(materials[values.names[0]])
    assert wood.energy_absorption["center_freqs"] == [125, 250, 500, 1000, 2000, 4000, 8000]
    assert wood.absorption_coeffs[0] == pytest.approx(values.number("absorption", "125 Hz")[0], rel=1e-4)
    room = pra.ShoeBox([5, 4, 3], fs=16000, materials=wood, max_order=2)
    assert 0.1 < room.rt60_theory() < 3


def test_sionna(answers: Path, tmp_path: Path) -> None:
    from sionna import rt

    path, values = written(answers, "sionna", tmp_path)
    scene = rt.load_scene()
    scene.frequency = 2.4e9
    names = identifiers(values.names)
    for name, arguments in json.loads(path.read_text(encoding="utf-8")).items():
        scene.add(rt.RadioMaterial(name, **arguments))
    assert set(scene.radio_materials) == set(names[:4])  # the sky has no radio material
    for number in range(4):
        material = scene.radio_materials[names[number]]
        assert material.relative_permittivity.numpy()[0] == pytest.approx(
            values.number("permittivity")[number], rel=1e-4
        )
        assert material.conductivity.numpy()[0] == pytest.approx(values.number("radio_conductivity")[number], rel=1e-4)
    reference = rt.ITURadioMaterial("itu", itu_type="glass", thickness=0.1)
    scene.add(reference)
    for name in ("relative_permittivity", "conductivity"):
        ours = getattr(scene.radio_materials[names[2]], name).numpy()[0]
        assert ours == pytest.approx(getattr(reference, name).numpy()[0], rel=1e-4)


def test_mujoco(answers: Path, tmp_path: Path) -> None:
    import mujoco

    path, values = written(answers, "mujoco", tmp_path)
    bodies = "".join(
        f'<body pos="0 0 {2 * number}"><freejoint/><geom name="g{number}" class={quoteattr(name)} type="box" '
        'size="0.5 0.5 0.5"/></body>'
        for number, name in enumerate(values.names)
    )
    scene = tmp_path / "scene.xml"
    text = f'<mujoco><include file="{path.name}"/><worldbody>{bodies}</worldbody></mujoco>'
    scene.write_text(text, encoding="utf-8")
    model = mujoco.MjModel.from_xml_path(str(scene))
    densities, moving, resting = (values.number(n) for n in ("density", "dynamic_friction", "static_friction"))
    for number in range(5):
        density = 1000.0 if math.isnan(densities[number]) else densities[number]  # MuJoCo's own
        friction = next((f for f in (moving[number], resting[number]) if not math.isnan(f)), 1.0)
        assert model.body_mass[number + 1] == pytest.approx(density, rel=1e-4)  # of a cubic metre
        assert model.geom_friction[number][0] == pytest.approx(friction, rel=1e-4)
    assert not math.isnan(densities[0])
    mujoco.mj_step(model, mujoco.MjData(model))


def test_usd(answers: Path, tmp_path: Path) -> None:
    from pxr import Gf, Usd, UsdGeom, UsdPhysics, UsdShade

    path, values = written(answers, "usd", tmp_path)
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert UsdPhysics.GetStageKilogramsPerUnit(stage) == 1
    names = identifiers(values.names)
    assert [prim.GetName() for prim in stage.GetDefaultPrim().GetChildren()] == names
    for number, name in enumerate(names):
        prim = stage.GetPrimAtPath(f"/Materials/{name}")
        assert prim.GetAttribute("madeof:region").Get() == values.names[number]
        physics = UsdPhysics.MaterialAPI(prim)
        assert prim.HasAPI(UsdPhysics.MaterialAPI)
        for read, wanted in (
            (physics.GetDensityAttr(), "density"),
            (physics.GetStaticFrictionAttr(), "static_friction"),
            (physics.GetDynamicFrictionAttr(), "dynamic_friction"),
            (physics.GetRestitutionAttr(), "restitution"),
        ):
            value = values.number(wanted)[number]
            assert read.HasAuthoredValue() is not math.isnan(value)
            assert read.Get() == pytest.approx(0 if math.isnan(value) else value, rel=1e-4)
        surface = UsdShade.Material(prim).ComputeSurfaceSource()[0]
        assert surface.GetIdAttr().Get() == "UsdPreviewSurface"
        metal = values.number("metalness")[number]
        assert math.isnan(metal) or surface.GetInput("metallic").Get() == pytest.approx(metal, abs=1e-6)
    colour = [values.number("base_color", channel)[2] for channel in "rgb"]
    glass = UsdShade.Material(stage.GetPrimAtPath(f"/Materials/{names[2]}")).ComputeSurfaceSource()[0]
    assert Gf.IsClose(glass.GetInput("diffuseColor").Get(), Gf.Vec3f(*colour), 1e-4)


def test_materialx(answers: Path, tmp_path: Path) -> None:
    import MaterialX as mx

    path, values = written(answers, "materialx", tmp_path)
    libraries, document = mx.createDocument(), mx.createDocument()
    mx.loadLibraries(mx.getDefaultDataLibraryFolders(), mx.getDefaultDataSearchPath(), libraries)
    mx.readFromXmlFile(document, str(path))
    document.setDataLibrary(libraries)
    valid, message = document.validate()
    assert valid, message
    names = identifiers(values.names)
    assert [node.getName() for node in document.getMaterialNodes()] == names
    for number, name in enumerate(names):
        shader = mx.getShaderNodes(document.getNode(name))[0]
        assert shader.getNodeDef().getName() == "ND_standard_surface_surfaceshader"
        metal = values.number("metalness")[number]
        read = shader.getInputValue("metalness")
        assert (read is None) is math.isnan(metal)
        assert read is None or read == pytest.approx(metal, abs=1e-6)


def test_gltf(answers: Path, tmp_path: Path) -> None:
    import trimesh

    path, values = written(answers, "gltf", tmp_path)
    scene = trimesh.load(path)
    found = {mesh.visual.material.name: mesh.visual.material for mesh in scene.geometry.values()}
    assert set(found) == set(values.names)
    for number, name in enumerate(values.names):
        metal, rough = values.number("metalness")[number], values.number("roughness")[number]
        assert found[name].metallicFactor == pytest.approx(0 if math.isnan(metal) else metal, abs=1e-6)
        assert math.isnan(rough) or found[name].roughnessFactor == pytest.approx(rough, abs=1e-6)
    colour = np.array([values.number("base_color", channel)[0] for channel in "rgb"])
    assert np.allclose(found[values.names[0]].baseColorFactor[:3] / 255, colour, atol=1 / 255)


def test_ifc(answers: Path, tmp_path: Path) -> None:
    import ifcopenshell
    import ifcopenshell.util.element
    import ifcopenshell.util.unit
    import ifcopenshell.validate

    path, values = written(answers, "ifc", tmp_path)
    model = ifcopenshell.open(path)
    assert model.schema == "IFC4"
    log = ifcopenshell.validate.json_logger()
    ifcopenshell.validate.validate(model, log)
    assert log.statements == []
    assert ifcopenshell.util.unit.calculate_unit_scale(model) == 1
    materials = model.by_type("IfcMaterial")
    assert [each.Name for each in materials] == list(values.names)
    for number, material in enumerate(materials):
        sets = ifcopenshell.util.element.get_psets(material)
        for name, title, key in (
            ("density", "Pset_MaterialCommon", "MassDensity"),
            ("thermal_conductivity", "Pset_MaterialThermal", "ThermalConductivity"),
            ("specific_heat", "Pset_MaterialThermal", "SpecificHeatCapacity"),
        ):
            value = values.number(name)[number]
            read = sets.get(title, {}).get(key)
            assert (read is None) is math.isnan(value)
            assert read is None or read == pytest.approx(value, rel=1e-4)


def test_every_target_is_here() -> None:
    assert set(TARGETS) == {name.removeprefix("test_") for name in globals() if name.removeprefix("test_") in TARGETS}
    assert all(name in KINDS for target in TARGETS.values() for name in target.properties)
