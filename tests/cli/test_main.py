"""The command line as a whole: help, statuses, commands other than predict."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from madeof import __version__
from madeof.cli import demo
from madeof.cli import main as cli
from madeof.cli.main import main
from madeof.errors import ModelError, WriteError

COMMANDS = ["predict", "train", "evaluate", "import-weights", "export", "demo"]


HEAVY = {"numpy", "torch", "PIL", "onnxruntime", "matplotlib", "cc3d", "simplejpeg", "timm"}


@pytest.fixture(autouse=True)
def _quiet_logger_again() -> Any:
    """`main` sets up logging to this test's standard error; the next test has another."""
    logger = logging.getLogger("madeof")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], level = before
    logger.setLevel(level)


def run_process(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "madeof", *command],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def status_of(*command: str) -> int:
    """The exit status, whether it comes back or argparse exits."""
    try:
        return main(command)
    except SystemExit as end:
        return int(str(end.code))


def test_help_of_every_command_loads_nothing_heavy() -> None:
    code = f"""
import contextlib, io, sys
from madeof.cli.main import main
for command in {[[], *[[c] for c in COMMANDS]]!r}:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    assert "usage: madeof" in out.getvalue() and "--help" in out.getvalue(), command
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {HEAVY!r}))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(command, "--help") == 0
    out, err = capsys.readouterr()
    assert f"madeof {command}" in out
    assert err == ""


def test_module_and_version() -> None:
    done = run_process("--version")
    assert (done.stdout, done.stderr, done.returncode) == (f"madeof {__version__}\n", "", 0)


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of() == 2
    out, err = capsys.readouterr()
    assert out == ""  # data go to standard output, and help that nobody asked for is none
    assert all(command in err for command in COMMANDS)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["paint"], "invalid choice: 'paint'"),
        (["predict"], "the following arguments are required: PHOTO"),
        (["predict", "a.jpg", "--json", "--csv"], "not allowed with argument"),
        (["predict", "a.jpg", "--box", "1,2,3"], "the box is '1,2,3'; expected four numbers x0,y0,x1,y1 in pixels"),
        (["predict", "a.jpg", "--polygon", "1,2 3,4"], "the polygon is '1,2 3,4'; expected three or more points"),
        (["predict", "a.jpg", "--top", "0"], "argument --top: got '0'; expected a whole number from 1"),
        (["predict", "a.jpg", "--top", "many"], "argument --top: got 'many'"),
        (
            ["predict", "a.jpg", "--threads", "-1"],
            "argument --threads: got '-1'; expected a whole number from 0 to 1024",
        ),
        (["predict", "a.jpg", "--min-area", "1.5"], "argument --min-area: got '1.5'"),
        (["predict", "a.jpg", "--max-megapixels", "nan"], "--max-megapixels: got 'nan'; expected a number above 0"),
        (["predict", "a.jpg", "--max-megapixels", "inf"], "--max-megapixels: got 'inf'"),
        (["predict", "a.jpg", "--max-megapixels", "x"], "--max-megapixels: got 'x'"),
        (["evaluate"], "evaluate takes either DATASET or --images DIR with --labels DIR"),
        (["evaluate", "a", "--images", "b", "--labels", "c"], "evaluate takes either DATASET or --images"),
        (["evaluate", "--images", "b"], "evaluate takes either DATASET or --images"),
        (["evaluate", "a", "--split", "some"], "invalid choice: 'some'"),
        (["export", "a"], "the following arguments are required: --out"),
    ],
)
def test_wrong_command_line(command: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(*command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (ModelError("it is\nbroken"), 1, "madeof: it is broken\n"),
        (WriteError("cannot write a"), 1, "madeof: cannot write a\n"),
        (OSError(28, "No space left on device"), 1, "madeof: cannot go on: [Errno 28] No space left on device\n"),
        (MemoryError(), 1, "madeof: not enough memory; give smaller photos or fewer regions at once\n"),
        (KeyboardInterrupt(), 130, "madeof: interrupted\n"),
        (BrokenPipeError(), 1, ""),
        (
            ModuleNotFoundError("No module named 'timm'", name="timm.models"),
            1,
            "madeof: madeof demo needs packages that are not installed: run  pip install 'madeof[train]'\n",
        ),
    ],
)
def test_faults(
    fault: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Any) -> int:
        raise fault

    monkeypatch.setattr(demo, "run", fail)
    monkeypatch.setattr(cli, "_drop_output", lambda: None)  # it would end pytest's own output
    assert main(["demo"]) == status
    assert capsys.readouterr() == ("", said)


def test_our_own_mistakes_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> int:
        raise ModuleNotFoundError("No module named 'madeof.gone'", name="madeof.gone")

    monkeypatch.setattr(demo, "run", fail)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


def test_a_full_disk_behind_standard_output(tiny_model: Path, tiny_dataset: Path) -> None:
    photo = str(tiny_dataset / "images" / "p0.png")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "madeof", "predict", photo, "--model", str(tiny_model)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "madeof: cannot go on: [Errno 28] No space left on device\n")


def test_an_unknown_option_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["predict", "p.png", "--masks", "m.png"])
    told = capsys.readouterr().err
    assert told.startswith("usage: madeof predict ")
    assert told.endswith("madeof predict: error: unrecognized arguments: --masks m.png; did you mean --mask?\n")
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "more"])
    assert capsys.readouterr().err.endswith("error: unrecognized arguments: more\n")
