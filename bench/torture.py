"""`make torture`: fifty releases, fifty kills of the bot, and the promises counted. ARGS='--seed 7 --releases 20'.

Exit code 1 when a promise was broken; the seed that is printed gives the same wishes and kill delays again.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.crash.torture import torture


def main() -> int:
    """Run and print; the folder with database and log is kept when something broke."""
    parser = argparse.ArgumentParser(prog="python -m bench.torture", description=__doc__)
    parser.add_argument("--releases", type=int, default=50, help="how many, each with one kill (default 50)")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run; a new one by default")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(10**6)
    folder = Path(tempfile.mkdtemp(prefix="kajitori-torture-"))
    print(f"seed {seed}, {arguments.releases} releases, one kill -9 for each; log in {folder}", flush=True)
    verdict = asyncio.run(torture(folder, releases=arguments.releases, seed=seed, say=lambda line: print(line)))
    print("\n".join(["", *verdict.lines()]))
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
