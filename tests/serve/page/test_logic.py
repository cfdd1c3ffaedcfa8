"""The page's scripts that know no page: run in Chromium, and compared with what Python makes of the same."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from browsing import open_browser, open_page, served
from numpy.typing import NDArray
from PIL import Image

from madeof._util.text import csv_safe
from madeof.errors import RegionError
from madeof.inference.predictor import Predictor
from madeof.regions.raster import cut_edges, from_box, from_polygon
from madeof.regions.region import Region
from madeof.regions.rle import compress, decode_rle, encode_rle
from madeof.viz.palette import COLOURS, ink_on

pytestmark = pytest.mark.browser

Mask = NDArray[np.bool_]
Run = Callable[..., Any]
HEIGHT, WIDTH = 23, 31
_HELPERS = """
const bytes = (array) => btoa(String.fromCharCode(...array));
const mask = (counts) => masks.fromCounts(counts, 31, 23);
"""


@pytest.fixture(scope="module")
def run(tiny_predictor: Predictor) -> Iterator[Run]:
    """RLE a script with the modules that it names, such as "masks", and one argument `given`."""
    with open_browser() as browser, served(tiny_predictor) as address, open_page(browser, address) as page:

        def run(modules: str, script: str, given: Any = None) -> Any:
            names = modules.split()
            imports = "".join(f"const {name} = await import('/page/{name}.js');" for name in names)
            return page.evaluate(f"async (given) => {{ {imports} {_HELPERS} {script} }}", given)

        yield run


def _masks(count: int, seed: int = 0) -> list[Mask]:
    """Masks of all kinds: grain, blots, full, empty, with full columns that run on into the next."""
    random = np.random.default_rng(seed)
    found = [np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)]
    found += [random.random((HEIGHT, WIDTH)) < share for share in np.linspace(0.05, 0.95, count)]
    for mask in found[2::3]:
        mask[:, random.integers(0, WIDTH, 8)] = True
    return found


def _counts(mask: Mask) -> list[int]:
    return [int(count) for count in encode_rle(mask, (0, 0), mask.shape)]  # type: ignore[arg-type]


def _mask(counts: list[int]) -> Mask:
    try:
        cut, (x, y) = decode_rle(np.array(counts), (HEIGHT, WIDTH))
    except RegionError:  # nothing is inside
        return np.zeros((HEIGHT, WIDTH), bool)
    return np.asarray(Region("", cut, corner=(x, y), photo_size=(HEIGHT, WIDTH)).mask)


def test_run_lengths_are_those_of_python(run: Run) -> None:
    every = _masks(20)
    given = [[_counts(mask), compress(encode_rle(mask, (0, 0), mask.shape)).decode()] for mask in every]  # type: ignore[arg-type]
    script = """return given.map(([counts, text]) => [
      masks.toRle(mask(counts)), masks.toCounts(masks.fromRle({size: [23, 31], counts: text})),
      masks.area(mask(counts)), masks.bounds(mask(counts))])"""
    for mask, (counts, text), (rle, back, area, box) in zip(every, given, run("masks", script, given), strict=True):
        assert rle == {"size": [HEIGHT, WIDTH], "counts": text}
        assert np.array_equal(_mask(back), mask)
        assert area == mask.sum()
        region = Region("", mask)
        assert box == (list(region.box) if mask.any() else None)
        assert counts[0] == 0 or not mask[0, 0]


def test_long_runs_survive_the_text(run: Run) -> None:
    counts = [11_999_999, 1, 88_000_000]
    script = "return masks.toCounts(masks.fromRle(masks.toRle(masks.fromCounts(given, 10000, 10000))))"
    assert run("masks", script, counts) == counts


@pytest.mark.parametrize(("name", "same"), [("union", np.bitwise_or), ("intersect", np.bitwise_and)])
def test_masks_are_joined_as_by_numpy(run: Run, name: str, same: Any) -> None:
    pairs = list(zip(_masks(15), _masks(15, seed=1)[::-1], strict=True))
    script = f"return given.map(([a, b]) => masks.toCounts(masks.{name}(mask(a), mask(b))))"
    for (a, b), counts in zip(pairs, run("masks", script, [[_counts(a), _counts(b)] for a, b in pairs]), strict=True):
        assert np.array_equal(_mask(counts), same(a, b))


def test_masks_are_subtracted_searched_and_painted_as_by_numpy(run: Run) -> None:
    pairs = list(zip(_masks(9), _masks(9, seed=1)[::-1], strict=True))
    script = """return given.map(([a, b]) => {
      const left = masks.subtract(mask(a), mask(b)), pixels = new Uint8Array(31 * 23), found = [];
      masks.paint(left, pixels, 1);
      for (let y = 0; y < 23; y++) for (let x = 0; x < 31; x++) found.push(masks.contains(left, [x + 0.5, y + 0.9]));
      return [[...pixels], found, masks.contains(left, [-1, 5]), masks.contains(left, [31, 5])];
    })"""
    told = run("masks", script, [[_counts(a), _counts(b)] for a, b in pairs])
    for (a, b), (pixels, found, before, after) in zip(pairs, told, strict=True):
        assert np.array_equal(np.reshape(pixels, a.shape).astype(bool), a & ~b)
        assert np.array_equal(np.reshape(found, a.shape), a & ~b)
        assert not before
        assert not after


def test_boxes_and_polygons_mark_the_pixels_that_the_service_marks(run: Run) -> None:
    random = np.random.default_rng(0)
    boxes = [sorted(random.uniform(-5, 36, 2)) + sorted(random.uniform(-5, 28, 2)) for _ in range(60)]
    boxes = [[x0, y0, x1 + 1.5, y1 + 1.5] for x0, x1, y0, y1 in boxes]
    polygons = [random.uniform(-6, 36, (random.integers(3, 9), 2)).tolist() for _ in range(120)]
    script = """return [
      given[0].map((box) => masks.toCounts(shapes.maskOfBox(box, 31, 23))),
      given[1].map((points) => masks.toCounts(shapes.maskOfPolygon(points, 31, 23)))]"""
    of_boxes, of_polygons = run("masks shapes", script, [boxes, polygons])
    compared = 0
    for shapes, found, make in ((boxes, of_boxes, from_box), (polygons, of_polygons, from_polygon)):
        for shape, counts in zip(shapes, found, strict=True):
            try:
                expected = make(shape, (HEIGHT, WIDTH))
            except RegionError:  # all of it lies outside the photo
                assert not _mask(counts).any()
                continue
            if _mask(counts).any():  # else it holds no centre of a pixel: the page takes no such region
                assert np.array_equal(_mask(counts), expected)
                compared += 1
    assert compared > 140


def test_strokes_cover_what_is_within_their_radius(run: Run) -> None:
    random = np.random.default_rng(0)
    strokes = [[*random.uniform(-3, 33, 4), random.uniform(0.8, 9)] for _ in range(60)]
    strokes += [[5.0, 7.0, 5.0, 7.0, 3.0], [5.0, 3.0, 5.0, 20.0, 2.0], [3.0, 5.0, 28.0, 5.0, 2.0]]
    script = """return given.map(([ax, ay, bx, by, radius]) =>
      masks.toCounts(shapes.maskOfStroke([ax, ay], [bx, by], radius, 31, 23)))"""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    for (ax, ay, bx, by, radius), counts in zip(strokes, run("masks shapes", script, strokes), strict=True):
        length = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-12)
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
        away = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
        clear = np.abs(away - radius) > 1e-6
        if (away < radius).any():
            assert np.array_equal(_mask(counts)[clear], (away < radius)[clear])


def test_a_dot_of_the_thinnest_brush_is_a_pixel(run: Run) -> None:
    counts = run("masks shapes", "return masks.toCounts(shapes.maskOfStroke([4.1, 6.1], [4.1, 6.1], 0.1, 31, 23))")
    assert np.argwhere(_mask(counts)).tolist() == [[6, 4]]


def test_outlines_filled_again_are_the_mask(run: Run) -> None:
    every = _masks(20)
    told = run(
        "masks contours", "return given.map((counts) => contours.outline(mask(counts)))", list(map(_counts, every))
    )
    for mask, lines in zip(every, told, strict=True):
        if not lines:
            assert not mask.any()
            continue
        starts = np.concatenate([np.reshape(line, (-1, 2)) for line in lines]).astype(float)
        ends = np.concatenate([np.roll(np.reshape(line, (-1, 2)), -1, axis=0) for line in lines]).astype(float)
        assert (starts != ends).any(axis=1).all()
        cut, (x, y) = cut_edges(starts, ends, mask.shape)  # type: ignore[arg-type]
        filled = np.zeros_like(mask)
        filled[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
        assert np.array_equal(filled, mask)


def test_a_simpler_line_stays_near(run: Run) -> None:
    angles = np.linspace(0, 6, 300)
    points = np.column_stack([100 + 80 * np.cos(angles), 90 + 70 * np.sin(angles)]).tolist()
    kept = run("shapes", "return shapes.simplify(given, 1)", points)
    assert len(kept) < 40
    assert [kept[0], kept[-1]] == [points[0], points[-1]]
    script = """return Math.max(...given[0].map((point) => Math.min(...given[1].slice(1).map((end, i) =>
      shapes.distance(point, given[1][i], end)))))"""
    assert run("shapes", script, [points, kept]) <= 1


def test_pngs_and_zips_are_what_others_read(run: Run) -> None:
    random = np.random.default_rng(0)
    for dtype, kind in ((np.uint8, "Uint8Array"), (np.uint16, "Uint16Array")):
        pixels = random.integers(0, np.iinfo(dtype).max, (23, 31)).astype(dtype)
        script = f"""const png = await bytes_.greyPng({kind}.from(given), 31, 23);
          const files = [{{name: 'labels/ä b.png', bytes: png}}, {{name: 'empty', bytes: new Uint8Array(0)}}];
          return [bytes(png), bytes(new Uint8Array(await bytes_.zip(files).arrayBuffer())), bytes_.crc32(png)];"""
        script = "const bytes_ = await import('/page/bytes.js');" + script
        png, archive, crc = run("masks", script, pixels.ravel().tolist())
        data = base64.b64decode(png)
        assert crc == zlib.crc32(data)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(archive))) as files:
            assert files.testzip() is None
            assert files.namelist() == ["labels/ä b.png", "empty"]
            assert files.read("labels/ä b.png") == data


def test_hostile_names_are_harmless_in_tables_and_archives(run: Run) -> None:
    names = ["=1+1", '"quoted", too', "two\nlines", "-5"]
    script = """const regions = given.map((material, i) => ({
        region: {number: i + 1, shape: {box: [0, 0, 9, 9]}, material}, answer: {material, score: 0.5, top: []}}));
      return exporting.toCsv([{name: given[0], width: 31, height: 23, items: regions}])"""
    script = "const exporting = await import('/page/export.js');" + script
    rows = list(csv.DictReader(io.StringIO(run("masks", script, names))))
    assert [row["truth"] for row in rows] == ["'=1+1", '"quoted", too', "two lines", "'-5"]
    assert {row["image"] for row in rows} == {csv_safe("=1+1")}
    script = "return given.map(([name, type, taken]) => exporting.fileName(name, type, taken))"
    script = "const exporting = await import('/page/export.js');" + script
    asked = [
        ["../../etc/pass\u0000wd.png", "image/png", []],
        ["image", "image/jpeg", ["Image.png"]],
        ["..", "", []],
        ["C:\\temp\\a.JPG", "image/jpeg", ["a.png"]],
    ]
    assert run("masks", script, asked) == ["_.._etc_pass_wd.png", "image-2.jpg", "photo.jpg", "C__temp_a.JPG"]


def test_undo_and_redo(run: Run) -> None:
    script = """const {History} = history; const one = new History('a');
      one.push('b'); one.push('b'); one.push('c'); one.undo(); const back = one.present;
      one.redo(); const again = one.present; one.undo(); one.undo(); one.undo(); const first = one.present;
      one.push('d'); one.redo(); const many = new History(0);
      for (let i = 1; i <= 500; i++) many.push(i);
      while (many.canUndo) many.undo();
      return [back, again, first, one.present, many.present]"""
    assert run("history", script) == ["b", "c", "a", "d", 300]


def test_answers_go_to_their_own_shapes_and_old_drafts_are_dropped(run: Run) -> None:
    script = """const sent = []; const names = new Map(); let aborted = 0;
      const pause = (ms) => new Promise((done) => setTimeout(done, ms));
      const shape = (name) => { const one = {polygon: [], name}; names.set(one, name); return one; };
      const send = async (shapes, signal) => {
        sent.push(shapes.map((one) => one.name).join('+'));
        signal?.addEventListener('abort', () => aborted++);
        await pause(60);
        if (signal?.aborted) throw new DOMException('stopped', 'AbortError');
        return shapes.map((one) => ({material: one.name}));
      };
      const asker = new answers.Answers(send, () => {});
      const drafts = ['d1', 'd2', 'd3', 'd4'].map(shape), [a, b] = [shape('a'), shape('b')];
      for (const draft of drafts.slice(0, 3)) asker.wantDraft(draft);  // only the newest is asked about
      await pause(50); asker.wantDraft(drafts[3]);
      asker.want([a]);                                                // and it is given up for what is finished
      await pause(150); asker.want([a, b]);
      await pause(150); asker.want([a, b]);
      await pause(50);
      return [sent, aborted, asker.of(a), asker.of(b), asker.of(drafts[0]) ?? null, asker.of(drafts[3]) ?? null]"""
    assert run("answers", script) == [["d3", "a", "b"], 1, {"material": "a"}, {"material": "b"}, None, None]


def test_a_full_service_is_asked_again_and_a_refusal_is_told(run: Run) -> None:
    script = """const {Problem} = service; const told = []; let calls = 0;
      const send = async () => {
        calls++;
        if (calls === 1) throw new Problem('busy', 'too much', {wait: 0.05});
        if (calls === 2) return [{material: 'Wood'}];
        throw new Problem('region', 'it is empty');
      };
      const asker = new answers.Answers(send, (problem) => told.push(problem?.message ?? null));
      const pause = (ms) => new Promise((done) => setTimeout(done, ms));
      const [a, b] = [{box: [0]}, {box: [1]}];
      asker.want([a]); await pause(300); asker.want([a, b]); await pause(200);
      return [told, asker.of(a), asker.of(b), calls]"""
    assert run("answers service", script) == [
        ["too much", None, "it is empty"], {"material": "Wood"}, {"error": "it is empty"}, 3,
    ]  # fmt: skip


def test_the_view_zooms_about_the_pointer_and_never_loses_the_photo(run: Run) -> None:
    script = """const photo = {width: 4000, height: 3000}, frame = {width: 800, height: 700};
      const whole = view.fit(photo, frame);
      const point = view.toPhoto(whole, [500, 300]);
      const near = view.zoom(whole, 8, [500, 300], photo, frame);
      const lost = view.pan(near, [1e6, -1e6], photo, frame);
      return [whole.scale, view.toScreen(near, point), view.toScreen(lost, [0, 3000]),
              view.zoom(near, 1e9, [0, 0], photo, frame).scale,
              view.toScreen(view.reveal(near, [0, 0], photo, frame), [0, 0])]"""
    scale, under, corner, most, revealed = run("view", script)
    assert scale == pytest.approx(768 / 4000)
    assert under == pytest.approx([500, 300])
    assert 0 < corner[0] <= 800
    assert 0 < corner[1] <= 700
    assert most == 40
    assert revealed == pytest.approx([32, 32])


def test_ink_is_black_or_white_as_in_pythons_pictures(run: Run) -> None:
    values = [*COLOURS, *((r, g, b) for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51))]
    inks = run("colours", "return given.map(colours.inkOn);", [list(colour) for colour in values])
    assert inks == ["#000" if ink_on(colour) == (0, 0, 0) else "#fff" for colour in values]
