"""A look through the kustomization files that an overlay reaches, before the renderer sees any of them.

The renderer would fetch whatever looks like an address, and no option of its forbids it. So every path must be there,
in the tree; what would run a program or fetch a chart is refused by name, and so is a field that is not known here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.manifests.documents import BadDocuments, read_documents

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MOST_KUSTOMIZATIONS = 200
MOST_FILE_BYTES = 1024 * 1024

_FOLDERS_OR_FILES = ("resources",)
_FOLDERS = ("bases", "components")
_FILES = ("crds", "configurations")
_FILES_OR_INLINE = ("patchesStrategicMerge",)
_PLUGINS = ("generators", "transformers", "validators")
_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
_HARMLESS = (
    "apiVersion",
    "kind",
    "metadata",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "labels",
    "commonLabels",
    "commonAnnotations",
    "generatorOptions",
    "images",
    "imageTags",
    "replicas",
    "vars",
    "buildMetadata",
    "sortOptions",
)
_KNOWN = frozenset(
    (
        *_FOLDERS_OR_FILES,
        *_FOLDERS,
        *_FILES,
        *_FILES_OR_INLINE,
        *_PLUGINS,
        *_WITH_PATH,
        *_GENERATORS,
        *_HARMLESS,
        "openapi",
    )
)
_HELM = ("helmCharts", "helmGlobals", "helmChartInflationGenerator", "inventory")
_REMOTE = re.compile(
    r"://|//|[?#@]|^[^/]*:|^git::|\.git(?:/|$)|_git/|^(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org)\b",
    re.IGNORECASE,
)
_FUNCTION = re.compile(r"config\.(?:kubernetes|k8s)\.io/function|HelmChartInflationGenerator", re.IGNORECASE)


class Unsafe(Exception):
    """The overlay needs what is not done here; the message is a whole sentence without a full stop."""


def scan(tree: Path, overlay: str) -> None:
    """Raise Unsafe for what the renderer must not see. `tree` is resolved; `overlay` is relative to it."""
    ahead, seen = [tree / overlay], set[Path]()
    while ahead:
        folder = ahead.pop().resolve()
        if folder in seen:
            continue
        seen.add(folder)
        if len(seen) > MOST_KUSTOMIZATIONS:
            raise Unsafe(f"The overlay reaches more than {MOST_KUSTOMIZATIONS} kustomizations")
        found = [folder / name for name in FILE_NAMES if (folder / name).exists()]
        if not found:
            raise Unsafe(f"{_shown(tree, folder)} has no kustomization.yaml")
        for file in found:
            ahead += _scan_file(tree, _local(tree, folder, file.name, _shown(tree, folder)))


def _scan_file(tree: Path, file: Path) -> Iterator[Path]:
    """The folders with kustomizations that this one reaches."""
    where = _shown(tree, file)
    documents = _read(tree, file)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise Unsafe(f"{where} is not one section of keys")
    (kustomization,) = documents
    for field in kustomization:
        if field in _HELM:
            raise Unsafe(f"{where} has {field}: charts are not fetched; commit what they render to")
        if field not in _KNOWN:
            raise Unsafe(f"{where} has the field {field[:60]}, which is not known here")
    for field in (*_FOLDERS_OR_FILES, *_FOLDERS, *_FILES, *_FILES_OR_INLINE):
        for text in _texts(kustomization.get(field)):
            if field in _FILES_OR_INLINE and "\n" in text:
                continue
            path = _local(tree, file.parent, text, f"{where}: {field}")
            if path.is_dir() and field in (*_FOLDERS_OR_FILES, *_FOLDERS):
                yield path
    for field in _PLUGINS:
        for text in _texts(kustomization.get(field)):
            _scan_plugin(tree, file, text, f"{where}: {field}")
    for path_text, place in _single_paths(kustomization):
        _local(tree, file.parent, path_text, f"{where}: {place}")


def _single_paths(kustomization: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Paths of single files and where they stand."""
    openapi = kustomization.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield openapi["path"], "openapi"
    for field in _WITH_PATH:
        for each in _sections(kustomization.get(field)):
            if isinstance(each.get("path"), str):
                yield each["path"], field
    for field in _GENERATORS:
        for each in _sections(kustomization.get(field)):
            for key in ("files", "envs", "env"):
                for text in _texts(each.get(key)):
                    yield text.rpartition("=")[2] if key == "files" else text, field


def _scan_plugin(tree: Path, file: Path, text: str, place: str) -> None:
    """Only what the renderer has built in: nothing that it would have to run or load."""
    if "\n" in text:
        content = text.encode()
    else:
        path = _local(tree, file.parent, text, place)
        if path.is_dir():
            raise Unsafe(f"{place} is a folder; name the file")
        content = _content(tree, path)
    try:
        documents = read_documents(content)
    except BadDocuments as error:
        raise Unsafe(f"{place}: {error}") from error
    for document in documents:
        if not isinstance(document, dict) or document.get("apiVersion") != "builtin":
            raise Unsafe(f"{place} names a plugin: nothing is run while rendering but what is built in")
        if _FUNCTION.search(str(document)) or "://" in str(document):
            raise Unsafe(f"{place} names a function or an address: nothing is run or fetched while rendering")


def _local(tree: Path, folder: Path, text: str, place: str) -> Path:
    """The file or folder that a path means, which must be there and in the tree."""
    if _REMOTE.search(text) or "\0" in text:
        raise Unsafe(f"{place} names {text[:100]!r}: nothing is fetched while rendering; commit it here")
    path = (folder / text).resolve()
    if not path.is_relative_to(tree):
        raise Unsafe(f"{place} names {text[:100]!r}, which leads out of the repository")
    if not path.exists():
        raise Unsafe(
            f"{place} names {text[:100]!r}, which is not there (links that lead out of the repository are left out)"
        )
    return path


def _read(tree: Path, file: Path) -> tuple[Any, ...]:
    try:
        return read_documents(_content(tree, file))
    except BadDocuments as error:
        raise Unsafe(f"{_shown(tree, file)} {error}") from error


def _content(tree: Path, file: Path) -> bytes:
    if not file.is_file() or file.stat().st_size > MOST_FILE_BYTES:
        raise Unsafe(f"{_shown(tree, file)} is no file, or larger than 1 MiB")
    return file.read_bytes()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))


def _sections(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def _shown(tree: Path, path: Path) -> str:
    return str(path.relative_to(tree)) if path.is_relative_to(tree) else path.name
