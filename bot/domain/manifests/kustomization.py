"""The version that a kustomization names for an image, changed as a person would: one line, and nothing else.

Pure; called by bot.usecases.undoing with the text of a file in Git.
"""

import re

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""Names that kustomize takes for its file, in its order."""
_TAG = re.compile(
    r"^(?P<head>\s*(?:-\s+)?newTag:\s*)(?P<quote>[\"']?)(?P<tag>[^\"'\s#]+)(?P=quote)(?P<tail>\s*(?:#.*)?)$"
)


def with_tag(text: str, former: str, wanted: str) -> str | None:
    """The text with `newTag: <wanted>` in place of `<former>`; None unless exactly one line says so."""
    lines = text.split("\n")
    found = [place for place, line in enumerate(lines) if (match := _TAG.match(line)) and match["tag"] == former]
    if len(found) != 1:
        return None
    match = _TAG.match(lines[found[0]])
    assert match is not None
    # Quoted, since a tag like 1.10 is a number to YAML.
    lines[found[0]] = f'{match["head"]}"{wanted}"{match["tail"]}'
    return "\n".join(lines)
