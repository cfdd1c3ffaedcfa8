"""The command line. Data go to standard output, everything else to standard error.

Exit status: 0 done, 1 the input or the work failed, 2 the command line is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn, TextIO

from madeof._version import __version__
from madeof.cli import (
    batch,
    calibrate,
    combine,
    convert,
    demo,
    evaluate,
    explain,
    export,
    export_properties,
    import_weights,
    inspect,
    learn,
    map,
    predict,
    serve,
    train,
)
from madeof.errors import MadeofError, MissingExtraError

COMMANDS = (
    predict.add_parser,
    batch.add_parser,
    map.add_parser,
    explain.add_parser,
    train.add_parser,
    evaluate.add_parser,
    calibrate.add_parser,
    learn.add_parser,
    convert.add_parser,
    inspect.add_parser,
    import_weights.add_parser,
    combine.add_parser,
    export.add_parser,
    export_properties.add_parser,
    serve.add_parser,
    demo.add_parser,
)
_EXTRA_TRAIN = {"torch", "torchvision", "timm", "lightning_fabric", "safetensors", "onnx", "tqdm", "tensorboard"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (of the process when None) and return the exit status."""
    parser = make_parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        _refuse_unknown(parser, options.command, unknown)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    _set_up_logging()
    try:
        with _any_character(sys.stdout):
            status: int = options.run(options)
            sys.stdout.flush()
        return status
    except MadeofError as error:
        _say(f"madeof: {error}")
        return 1
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA_TRAIN:
            raise
        _say(f"madeof: {MissingExtraError(f'madeof {options.command}', 'train')}")
        return 1
    except BrokenPipeError:  # whoever read our output (head, a pager) has enough
        _drop_output()
        return 1
    except OSError as error:  # our own files give a WriteError: this is standard output on a full disk, or the like
        _drop_output()
        _say(f"madeof: cannot go on: {error}")
        return 1
    except MemoryError:
        _say("madeof: not enough memory; give smaller photos or fewer regions at once")
        return 1
    except KeyboardInterrupt:
        _say("madeof: interrupted")
        return 130


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="madeof", description="What is this made of? A photo and a region in, the material of the region out."
    )
    parser.add_argument("--version", action="version", version=f"madeof {__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser


def _refuse_unknown(parser: argparse.ArgumentParser, command: str | None, unknown: list[str]) -> NoReturn:
    """End the process with status 2, the usage of the command and the option that is nearest."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and command is not None:
            parser = action.choices[command]
    option = unknown[0].partition("=")[0]
    near = difflib.get_close_matches(option, list(parser._option_string_actions), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near and option.startswith("-") else ""
    parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")


def _set_up_logging() -> None:
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("madeof: %(message)s"))
    logger = logging.getLogger("madeof")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)


@contextlib.contextmanager
def _any_character(stream: TextIO) -> Iterator[None]:
    """Escape characters that the stream's encoding lacks (file names in an ASCII locale) instead of failing."""
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    errors = stream.errors
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            stream.reconfigure(errors=errors)


def _drop_output() -> None:
    """Let what standard output still holds go nowhere: the flush at exit must not complain as well."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str) -> None:
    """One line on standard error, whatever the terminal's encoding."""
    line = " ".join(text.splitlines())
    encoding = sys.stderr.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
