"""The `openaisle` command: one verb a file, each with `register(app)`.

In: words a person typed. Out: what they asked for, and an exit status: 0 done, 1 done but not well, 2 bad input.
Never: work of its own; a verb calls a room, a service or a bench and prints what came back.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

from openaisle.core.errors import OpenAisleError


def build_app() -> typer.Typer:
    """The command with every verb registered, in alphabetical order of their files."""
    app = typer.Typer(
        name="openaisle",
        help="Run a checkout-free store: see it, plan it, run it, and find out why.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def root() -> None: ...

    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if module.name.startswith("_"):
            continue  # part of a verb
        importlib.import_module(f"{__name__}.{module.name}").register(app)
    return app


def main() -> None:
    """Entry point of the console script. What goes wrong on purpose is one clear sentence on standard error."""
    try:
        build_app()()
    except OpenAisleError as error:
        print(f"openaisle: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
