"""The renderer: kustomize over the files of one commit, behind a fence, and its output as objects.

It renders and nothing else: no network, no git, no plugins, no helm, nothing outside the tree, and limits on memory,
time and output. Applying is the API's work, elsewhere.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.domain.redaction import redact
from bot.errors import UserError
from bot.manifests.children import MIB, ChildTooLoud, ChildTooSlow, Done, Limits, run
from bot.manifests.documents import MOST_BYTES, BadDocuments, read_documents
from bot.manifests.scan import Unsafe, scan
from bot.manifests.trees import is_inside

LIMITS = Limits(
    wall_s=20,
    cpu_s=10,
    memory=384 * MIB,
    address_space=2048 * MIB,
    file=0,
    output=MOST_BYTES,
    offline=True,
)
AT_ONCE = 2
LONGEST_WORDS = 600
# In this order: what the operator chose, what came with us, what the system has.
_PLACES = ("/usr/local/bin/kustomize", "/usr/bin/kustomize", "/usr/local/bin/kubectl", "/usr/bin/kubectl")
_WARNING = re.compile(r"^(?:#|W\d{4}) .*$", re.MULTILINE)


class RenderError(UserError):
    """The overlay can't be rendered: whoever wrote it can mend it."""

    def __init__(self, text: str) -> None:
        super().__init__("manifests_invalid", text, hint="Mend it in the repository, then ask again.")


def find_binary(chosen: Path | None) -> Path | None:
    """kustomize, or kubectl, which has it built in. `chosen`, KUSTOMIZE_BINARY, is the only one looked at when set."""
    own = Path(sys.prefix) / "bin"
    places = [chosen] if chosen else [own / "kustomize", own / "kubectl", *map(Path, _PLACES)]
    return next((place for place in places if place.is_absolute() and place.is_file()), None)


class Renderer:
    """Renders overlays with one binary, two at once at most."""

    def __init__(self, binary: Path, *, limits: Limits = LIMITS) -> None:
        self._command = [str(binary), *(("kustomize",) if binary.name.startswith("kubectl") else ("build",)), "."]
        self._limits = limits
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def render(self, tree: Path, overlay: str) -> Sequence[Mapping[str, Any]]:
        """The objects of the overlay, in the renderer's order. Raises RenderError in the tool's own words."""
        async with self._turn:
            tree, folder = await asyncio.to_thread(_checked, tree, overlay)
            done = await self._run(folder)
            if done.code != 0:
                raise RenderError(f"The overlay {overlay} can't be rendered: {_words(done, tree)}")
            try:
                documents = await asyncio.to_thread(read_documents, done.output)
            except BadDocuments as error:
                raise RenderError(f"What the overlay {overlay} renders to {error}.") from error
            if not all(isinstance(each, dict) for each in documents):
                raise RenderError(f"The overlay {overlay} renders to something that is no object.")
            return documents

    async def _run(self, folder: Path) -> Done:
        with tempfile.TemporaryDirectory(prefix="kajitori-render-") as home:
            environment = {
                "HOME": home,
                "PATH": "/nonexistent",
                "KUBECONFIG": "/nonexistent",
                # For what the fence's own switch can't turn off everywhere: nobody listens there.
                **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
                # Collect before the limit is reached; one thread's worth of work is all there is.
                "GOMEMLIMIT": str(self._limits.memory * 2 // 3),
                "GOMAXPROCS": "2",
            }
            try:
                return await run(self._command, environment, folder, self._limits)
            except ChildTooSlow as error:
                raise RenderError(f"Rendering took longer than {self._limits.wall_s:g} s and was stopped.") from error
            except ChildTooLoud as error:
                size = self._limits.output // MIB
                raise RenderError(f"The overlay renders to more than {size} MiB and was stopped.") from error


def _checked(tree: Path, overlay: str) -> tuple[Path, Path]:
    """The tree without links on its way, and the overlay's folder in it, looked through."""
    tree = tree.resolve()
    folder = (tree / overlay).resolve() if is_inside(overlay) else tree.parent
    if not folder.is_relative_to(tree):
        raise RenderError(f"The path {overlay!r} leads out of the repository.")
    if not folder.is_dir():
        raise RenderError(f"There is no folder {overlay} in the repository.")
    try:
        scan(tree, overlay)
    except Unsafe as error:
        raise RenderError(f"{error}.") from error
    except OSError as error:
        raise RenderError(f"The overlay {overlay} can't be read ({error.strerror}).") from error
    return tree, folder


def _words(done: Done, tree: Path) -> str:
    """Why, in the renderer's words: one paragraph, without the places of this machine."""
    if done.code < 0 or "out of memory" in done.error or "runtime stack:" in done.error:
        return "it needs more time or memory than rendering may take."
    text = _WARNING.sub("", done.error).replace(f"{tree}/", "").replace(str(tree), "the repository")
    text = redact(" ".join(text.removeprefix("error:").removeprefix("Error:").split()))
    return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS]}…"
