"""`madeof serve`: the page and the service on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from madeof._util.text import show
from madeof.cli.arguments import Subparsers, add_model, whole_number
from madeof.errors import ConfigError, MissingExtraError
from madeof.serve.label_studio.options import LabelStudio
from madeof.serve.settings import Settings, limits

if TYPE_CHECKING:
    from madeof.serve.select import Selector

_TOKEN = "MADEOF_TOKEN"
_KEY = "LABEL_STUDIO_API_KEY"  # as Label Studio's own package calls it
_TALKATIVE = ("uvicorn.error", "python_multipart")  # they warn of each bad request, of which the metrics tell


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "serve",
        help="open the page and the service on this machine",
        description="Open the page and the HTTP service on this machine. Nobody else can reach them unless --host says "
        "so. The service is described in docs/serve.md and by itself at /openapi.json.",
        epilog="Ends with SIGTERM or Ctrl-C, when what was let in is answered.",
    )
    network = parser.add_argument_group("network")
    network.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1, this machine only)",
    )
    network.add_argument(
        "--port", type=whole_number(0, 65535), default=8000, metavar="N", help="default: 8000; 0 takes a free one"
    )
    secret = network.add_mutually_exclusive_group()
    secret.add_argument(
        "--token",
        metavar="SECRET",
        help=f"token that clients must send; safer in the variable {_TOKEN}: other users can see arguments",
    )
    secret.add_argument("--token-file", metavar="FILE", help="a file with the token, such as a Docker secret")
    secret.add_argument("--no-auth", action="store_true", help="no token: anybody who reaches --host may ask")
    network.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name by which clients reach this machine (may be repeated)",
    )
    network.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a web site whose pages may ask, such as https://shop.example (may be repeated)",
    )
    label_studio = parser.add_argument_group("Label Studio", "Be its ML backend too; see docs/label-studio.md.")
    label_studio.add_argument("--label-studio", action="store_true", help="answer Label Studio at this address")
    label_studio.add_argument(
        "--label-studio-photos",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder with its photos: that of its local files, or its media folder (may be repeated)",
    )
    label_studio.add_argument(
        "--label-studio-url",
        metavar="URL",
        help="where it listens: photos that are in no DIR are fetched from there, and from nowhere else, with the key "
        f"of a user in the variable {_KEY}",
    )
    # Calls on one thread each, side by side, do twice the work of calls on all cores, whose threads wait by spinning.
    add_model(parser, threads=1)
    parser.add_argument(
        "--sam",
        nargs="+",
        metavar="FILE",
        help="the encoder and the decoder of Segment Anything (SAM, MobileSAM, SAM 2) as ONNX files, or the folder of "
        "the two: the page's click uses it in place of superpixels (see docs/page.md)",
    )
    group = parser.add_argument_group("limits")
    for limit in limits():
        kind = whole_number(limit.metadata["least"], limit.metadata["most"]) if limit.type == "int" else float
        group.add_argument(
            f"--{limit.name.replace('_', '-')}",
            type=kind,
            default=limit.default,
            metavar="N",
            help=f"{limit.metadata['help']} (default: {limit.default:g})",
        )
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal."""
    token = _token(options)
    if not _only_here(options.host) and token is None and not options.no_auth:
        options.refuse(
            f"--host {options.host} lets others reach the service: give --token SECRET (or {_TOKEN}), "
            "or say --no-auth if anybody may ask"
        )
    try:
        settings = _settings(options, token)
    except ConfigError as error:
        options.refuse(str(error))
    try:
        from madeof.serve.app import create_app
        from madeof.serve.server import Server, listen
    except ImportError as error:
        raise MissingExtraError("madeof serve", "serve") from error
    from madeof.inference.predictor import load

    listening = listen(options.host, options.port)  # before the model: a taken port is told at once
    with listening:
        predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
        selector = _selector(options)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.ERROR)
        _tell(listening, token)
        Server(create_app(predictor, settings, selector)).serve_on(listening)
    print("madeof: ended", file=sys.stderr)
    return 0


def _token(options: argparse.Namespace) -> str | None:
    """Access token of clients; None if anybody may ask."""
    if options.token_file is not None:
        try:
            return Path(options.token_file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            options.refuse(f"--token-file {show(options.token_file)} cannot be read ({reason}); expected a text file")
    return os.environ.get(_TOKEN) if options.token is None and not options.no_auth else options.token


def _selector(options: argparse.Namespace) -> Selector | None:
    if options.sam is None:
        return None
    from madeof.serve.sam import Sam

    sam = Sam(options.sam, threads=options.threads)
    print(f"madeof: click to select by {sam.name}; a photo's first takes about {sam.seconds:.1f} s", file=sys.stderr)
    if sam.seconds > options.request_seconds:
        print(f"madeof: --request-seconds {options.request_seconds:g} is too short for that", file=sys.stderr)
    return sam


def _settings(options: argparse.Namespace, token: str | None) -> Settings:
    given = {limit.name: getattr(options, limit.name) for limit in limits()}
    names = set(options.allow_host)
    if not _only_here(options.host):
        names |= {options.host, socket.gethostname()}
    hosts = Settings.hosts | {name.strip("[]").lower() for name in names}
    return Settings(
        **given,
        token=token,
        hosts=hosts,
        any_address=not _only_here(options.host),
        origins=frozenset(options.cors),
        label_studio=_label_studio(options),
    )


def _label_studio(options: argparse.Namespace) -> LabelStudio | None:
    folders = tuple(map(Path, options.label_studio_photos))
    url = options.label_studio_url
    if not options.label_studio:
        if folders or url is not None:
            raise ConfigError("--label-studio-photos and --label-studio-url are for --label-studio: give that too")
        return None
    key = os.environ.get(_KEY) if url is not None else None
    if url is not None and not key and not folders:
        raise ConfigError(f"Label Studio gives its photos to its users only: put the key of one into {_KEY}")
    return LabelStudio(folders, url, key or None)


def _only_here(host: str) -> bool:
    """Whether an address is one that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tell(listening: socket.socket, token: str | None) -> None:
    from madeof.serve.server import address_of

    fragment = f"#token={quote(token, safe='')}" if token is not None else ""  # which a browser sends nowhere
    print(f"madeof: listening on {address_of(listening)}{fragment} (Ctrl-C ends it)", file=sys.stderr, flush=True)
