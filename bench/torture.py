"""`make torture`: fifty releases, then thirty canaries, each with a kill of the bot, and the promises counted.

ARGS='--seed 7 --releases 20 --canaries 10'.

Exit code 1 when a promise was broken; the seed that is printed gives the same wishes and kill delays again.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.crash.canary_torture import torture_canaries
from tests.crash.torture import torture

LONGEST_ABORT_S = 10.0
"""An abort of a canary is effective by then, also when the bot is killed on the way."""


def main() -> int:
    """Run and print; the folder with database and log is kept when something broke."""
    parser = argparse.ArgumentParser(prog="python -m bench.torture", description=__doc__)
    parser.add_argument("--releases", type=int, default=50, help="how many, each with one kill (default 50)")
    parser.add_argument("--canaries", type=int, default=30, help="how many, each with one kill (default 30)")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run; a new one by default")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(10**6)
    folder, beside = (Path(tempfile.mkdtemp(prefix="kajitori-torture-")) for _ in range(2))
    print(f"seed {seed}, {arguments.releases} releases, one kill -9 for each; log in {folder}", flush=True)
    verdict = asyncio.run(torture(folder, releases=arguments.releases, seed=seed, say=lambda line: print(line)))
    print("\n".join(["", *verdict.lines()]))
    print(f"\n{arguments.canaries} canaries, one kill -9 for each; log in {beside}", flush=True)
    course = asyncio.run(torture_canaries(beside, canaries=arguments.canaries, seed=seed, say=lambda line: print(line)))
    print("\n".join(["", *course.lines()]))
    return 1 if verdict.faults or course.faults or course.slowest_abort_s > LONGEST_ABORT_S else 0


if __name__ == "__main__":
    sys.exit(main())
