"""Hashes of pod templates: names of ReplicaSets and ControllerRevisions. Like a real cluster's they only have to be
stable and rarely equal; the value differs from a real one's.
"""

import json
from typing import Any

from bot.sandbox.kube.admission import ALPHABET
from bot.sandbox.kube.controllers.base import fnv32a


def template_hash(content: Any, collisions: int = 0) -> str:
    text = json.dumps(content, sort_keys=True) + (f"#{collisions}" if collisions else "")
    return "".join(ALPHABET[int(digit) % len(ALPHABET)] for digit in str(fnv32a(text)))
