"""The command line: `kajitori run | sandbox | check | manifest | migrate | audit`. The only reader of argv.

Exit codes: 0 done, 1 something is wrong (the text says what), 2 the configuration or the command line is wrong.
"""

import argparse
import importlib
import sys
from pathlib import Path

import bot
from bot.errors import KajitoriError


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    arguments = _parser().parse_args(argv)
    # By name, so that each command loads what it needs and no more: the sandbox never costs the bot memory.
    command = importlib.import_module(f"bot.commands.{arguments.command}")
    try:
        return int(command.main(arguments))
    except KajitoriError as error:
        print(f"kajitori: {error}", file=sys.stderr)
        return int(getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kajitori", description=bot.__doc__)
    parser.add_argument("--version", action="version", version=f"kajitori {bot.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _config(commands.add_parser("run", help="run the bot"))
    _config(commands.add_parser("check", help="check the configuration and the secrets in the environment"))
    _config(commands.add_parser("migrate", help="bring the tables of DATABASE_URL up to date"))

    sandbox = commands.add_parser("sandbox", help="run a local Slack, clusters and registry, and the bot on them")
    sandbox.add_argument("--port", type=int, default=8080, help="port of the page (default 8080; 0: a free one)")
    sandbox.add_argument("--state", type=Path, default=None, metavar="DIR", help="folder for its files")
    sandbox.add_argument("--no-browser", action="store_true", help="don't open the page")

    manifest = commands.add_parser("manifest", help="print the Slack app manifest, or the webhook for Datadog")
    manifest.add_argument("of", nargs="?", choices=("slack", "datadog"), default="slack", help="default slack")
    manifest.add_argument(
        "--http-url",
        default=None,
        help="the bot's public address: Slack's HTTP mode (else Socket Mode), or the webhook",
    )

    audit = commands.add_parser("audit", help="the audit trail")
    parts = audit.add_subparsers(required=True, metavar="PART", dest="part")
    verify = parts.add_parser("verify", help="check that no row was changed, deleted or reordered")
    _config(verify)
    verify.add_argument(
        "--anchor", default="", metavar="HASH", help="a last hash of earlier, which must still be there"
    )
    export = parts.add_parser("export", help="print the rows, oldest first")
    _config(export)
    export.add_argument("--since", default="", metavar="TIME", help="from this day or time on: 2026-11-23, UTC")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default jsonl")
    return parser


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=None, metavar="FILE", help="default KAJITORI_CONFIG, kajitori.yaml"
    )


if __name__ == "__main__":
    sys.exit(main())
