"""``python -m sandbox serve`` and ``python -m sandbox phone``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from errors import ConfigError
from sandbox.server import serve
from sandbox.settings import Settings
from sandbox.terminal import chat


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run one of the two commands; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A pretend Ghala to try the shop with."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve Ghala's API and the phone page")
    phone = commands.add_parser("phone", help="chat with the shop in the terminal")
    phone.add_argument("--number", default="254700111222", help="the customer's number, digits only")
    phone.add_argument("--name", default="Terminal", help="the customer's name")
    phone.add_argument("--url", default=f"http://127.0.0.1:{env.get('SANDBOX_PORT', '8010')}")
    options = parser.parse_args(arguments)
    if options.command == "phone":
        return chat(options.url, options.number, options.name)
    try:
        serve(Settings.from_env(env))
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 (the sandbox is no part of the product's config)
