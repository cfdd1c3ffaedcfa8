"""How quickly the page answers: from dropping a photo to the first answer, and from letting the mouse go to each next.

    python benchmarks/page_speed.py [--regions 100] [--drops 5] [--model DIR] [--write docs/research/page-speed.md]

Needs the extra `dev` and Chromium on this machine; two minutes. `madeof serve` runs as a process of its own on
loopback, Chromium without a window draws with its mouse. Times are taken in the browser, and include drawing the answer
on the screen. The photo has 12 megapixels and is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import machine, make_photo, publish
from playwright.sync_api import Browser, Page, sync_playwright

SIZE = 4000, 3000
WATCH = """
window.answered = () => new Promise((resolve) => {
  const wanted = document.querySelectorAll('.region').length;
  const look = () => {
    const card = document.querySelector('.region.selected');
    if (card && !card.classList.contains('waiting') && window.let_go) resolve(performance.now() - window.let_go);
    else requestAnimationFrame(look);
  };
  look();
});
document.querySelector('#canvas').addEventListener('pointerup', () => (window.let_go = performance.now()), true);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regions", type=int, default=100, help="of each kind")
    parser.add_argument("--drops", type=int, default=5, help="how often the photo is dropped anew")
    parser.add_argument("--model", help="a model folder (default: the bundled one)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="fill its block `page`")
    options = parser.parse_args()
    command = [sys.executable, "-m", "madeof", "serve", "--port", "0"]
    if options.model:
        command += ["--model", options.model]
    with tempfile.TemporaryDirectory() as folder:
        photo = make_photo(Path(folder) / "photo.jpg", *SIZE)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as service:
            try:
                assert service.stderr is not None
                found = re.search(r"http://\S+", service.stderr.readline())
                assert found, "madeof serve did not start"
                publish(measure(found.group(), photo, options.drops, options.regions), "page", options.write)
            finally:
                service.terminate()


def measure(address: str, photo: Path, drops: int, regions: int) -> str:
    """The table, as Markdown."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        shown, first = np.array([drop(browser, address, photo) for _ in range(drops)]).T
        page = open_page(browser, address, photo)
        random = np.random.default_rng(0)
        rows = [
            ("photo dropped → shown", shown),
            ("photo dropped → first region's answer", first),
            ("box → answer", repeat(page, regions, lambda: box(page, random))),
            ("lasso of 40 points → answer", repeat(page, regions, lambda: lasso(page, random, "lasso"))),
            ("brush stroke of 40 points → answer", repeat(page, regions, lambda: lasso(page, random, "brush"))),
            ("click → selected and answered", repeat(page, regions, lambda: click(page, random))),
        ]
        following = follow(page)
        browser.close()
    size = photo.stat().st_size / 1e6
    lines = ["| | p50 | p95 |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {spell(np.percentile(t, 50))} | {spell(np.percentile(t, 95))} |" for name, t in rows]
    lines.append("")
    lines.append(
        f"A JPEG of {SIZE[0]} x {SIZE[1]} pixels ({size:.1f} MB), dropped {drops} times; {regions} regions of each "
        f"kind. While a lasso is drawn without a pause, {following:.0f} answers a second arrive. {machine()}, "
        f"{os.cpu_count()} cores, Chromium {browser.version} on the same machine."
    )
    return "\n".join(lines)


def spell(milliseconds: float) -> str:
    """A time with two or three digits."""
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def drop(browser: Browser, address: str, photo: Path) -> tuple[float, float]:
    """Drop the photo and draw a box as soon as it is seen: ms until it is shown, ms until the box has its answer."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(address)
    page.get_by_role("heading", name="What is this made of?").wait_for()
    page.evaluate(WATCH)
    # From the event on, without what the driver needs to hand the file over.
    page.evaluate(
        """const drop = () => (window.dropped = performance.now());
           document.querySelector('#files').addEventListener('change', drop, true);
           window.shown = new Promise((resolve) => {
             const look = () => document.querySelector('#zoom').checkVisibility()
               ? resolve(performance.now() - window.dropped) : requestAnimationFrame(look);
             look();
           });
           0  // else the driver would wait for the promise"""
    )
    page.set_input_files("#files", str(photo))
    shown = page.evaluate("window.shown")
    mouse(page, [(0.3, 0.4), (0.6, 0.7)])
    page.evaluate("window.answered()")
    first = page.evaluate("performance.now() - window.dropped")
    page.context.close()
    return float(shown), float(first)


def open_page(browser: Browser, address: str, photo: Path) -> Page:
    """The page with the photo, encoded."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.get_by_role("heading", name="What is this made of?").wait_for()
    page.evaluate(WATCH)
    page.set_input_files("#files", str(photo))
    page.locator("#zoom").wait_for()
    page.locator("body:not(.busy)").wait_for()
    return page


def repeat(page: Page, count: int, draw: Callable[[], Any]) -> np.ndarray[Any, Any]:
    """Milliseconds from letting go to the answer, of `count` regions; each is deleted before the next is drawn."""
    times = []
    for _ in range(count):
        page.keyboard.press("Escape")
        page.evaluate("window.let_go = 0")
        draw()
        times.append(page.evaluate("window.answered()"))
        page.keyboard.press("Delete")
        page.locator(".region").wait_for(state="detached")
    return np.array(times)


def mouse(page: Page, points: list[tuple[float, float]]) -> None:
    """Drag over points, in shares of the canvas."""
    area = page.locator("#canvas").bounding_box()
    assert area is not None
    at = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def box(page: Page, random: np.random.Generator) -> None:
    page.click('[data-do="tool:box"]')
    x, y = random.uniform(0.15, 0.5, 2)
    mouse(page, [(x, y), (x + random.uniform(0.05, 0.3), y + random.uniform(0.05, 0.3))])


def lasso(page: Page, random: np.random.Generator, tool: str) -> None:
    page.click(f'[data-do="tool:{tool}"]')
    mouse(page, ring(random, 40))


def click(page: Page, random: np.random.Generator) -> None:
    page.click('[data-do="tool:select"]')
    x, y = random.uniform(0.2, 0.8, 2)
    mouse(page, [(x, y)])


def ring(random: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """Points around a middle, uneven as a hand's."""
    x, y = random.uniform(0.35, 0.65, 2)
    angles = np.linspace(0, 2 * np.pi, count)
    reach = random.uniform(0.05, 0.15) * (1 + 0.2 * random.random(count))
    return list(zip((x + reach * np.cos(angles)).tolist(), (y + reach * np.sin(angles)).tolist(), strict=True))


def follow(page: Page) -> float:
    """Answers a second while a lasso is drawn without a pause."""
    page.keyboard.press("Escape")
    page.click('[data-do="tool:lasso"]')
    page.evaluate(
        """performance.clearResourceTimings(); performance.setResourceTimingBufferSize(5000);
           window.began = performance.now();"""
    )
    mouse(page, ring(np.random.default_rng(1), 1500))
    return float(
        page.evaluate(
            """performance.getEntriesByType('resource').filter((each) => each.name.includes('/regions')).length
               / (performance.now() - window.began) * 1000"""
        )
    )


if __name__ == "__main__":
    main()
