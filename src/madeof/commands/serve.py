"""`madeof serve`: the page and the service on this machine."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import socket
import sys
from urllib.parse import quote

from madeof.commands.arguments import Subparsers, add_model, whole_number
from madeof.errors import ConfigError, MissingExtraError
from madeof.serve.settings import Settings, limits

_TOKEN = "MADEOF_TOKEN"
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
        "--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: 127.0.0.1, this machine only)"
    )
    network.add_argument(
        "--port", type=whole_number(0, 65535), default=8000, metavar="N", help="default: 8000; 0 takes a free one"
    )
    secret = network.add_mutually_exclusive_group()
    secret.add_argument(
        "--token",
        metavar="SECRET",
        help=f"what clients have to know; better in the variable {_TOKEN}, for others on the machine see arguments",
    )
    secret.add_argument("--no-auth", action="store_true", help="let anybody ask who reaches --host")
    network.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name by which clients reach this machine (may be repeated)",
    )
    # Calls on one thread each, side by side, do twice the work of calls on all cores, whose threads wait by spinning.
    add_model(parser, threads=1)
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
    token = os.environ.get(_TOKEN) if options.token is None and not options.no_auth else options.token
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
    from madeof.predictor import load

    listening = listen(options.host, options.port)  # before the model: a taken port is told at once
    with listening:
        predictor = load(options.model, threads=options.threads, engine=options.engine)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.ERROR)
        _tell(listening, token)
        Server(create_app(predictor, settings)).serve_on(listening)
    print("madeof: ended", file=sys.stderr)
    return 0


def _settings(options: argparse.Namespace, token: str | None) -> Settings:
    given = {limit.name: getattr(options, limit.name) for limit in limits()}
    names = set(options.allow_host)
    if not _only_here(options.host):
        names |= {options.host, socket.gethostname()}
    hosts = Settings.hosts | {name.strip("[]").lower() for name in names}
    return Settings(**given, token=token, hosts=hosts, any_address=not _only_here(options.host))


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
