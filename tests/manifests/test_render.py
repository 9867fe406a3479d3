"""The renderer: what overlays render to, what is refused before it runs, and what it can't do when it does."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import OutsideError, UserError
from bot.manifests.children import MIB, ChildTooLoud, ChildTooSlow, run
from bot.manifests.directory import Directory
from bot.manifests.documents import BadDocuments, read_documents
from bot.manifests.manifests import Manifests
from bot.manifests.render import LIMITS, Renderer, RenderError, find_binary
from bot.manifests.trees import Trees

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"
NEVER_RUN = Renderer(Path("/nonexistent/kustomize"))
"""What it refuses, it refuses before anything is started."""


def write(root: Path, **files: str) -> Path:
    """Files of a tree; `__` in a name is a slash, `_k` its kustomization."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_k", "kustomization.yaml").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


async def refusal(tree: Path, overlay: str = "stg", renderer: Renderer = NEVER_RUN) -> str:
    with pytest.raises(RenderError) as refused:
        await renderer.render(tree, overlay)
    assert refused.value.code == "manifests_invalid"
    assert str(tree) not in refused.value.text
    return refused.value.text


async def test_an_overlay_renders_to_its_objects(tmp_path, renderer):
    tree = write(
        tmp_path,
        base___k="resources: [a.yaml, d.yaml]\n",
        base__a_yaml=MAP,
        base__d_yaml="""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, annotations: {on: "yes", at: "2026-01-01", big: "1e3"}}
spec:
  replicas: 3
  template: {spec: {containers: [{name: shop, image: "r.example.com/shop", args: ["0644", "12:30"]}]}}
""",
        stg___k="""\
namespace: shop
resources: [../base]
images: [{name: r.example.com/shop, newTag: 1.2.0}]
patches: [{path: p.yaml}]
transformers:
  - |-
    apiVersion: builtin
    kind: LabelTransformer
    metadata: {name: x}
    labels: {team: growlio}
    fieldSpecs: [{path: metadata/labels, create: true}]
""",
        stg__p_yaml='apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: w, n: "no"}\n',
    )
    config, deployment = await renderer.render(tree, "stg")
    labels = {"labels": {"team": "growlio"}, "name": "a", "namespace": "shop"}
    assert config == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": labels, "data": {"k": "w", "n": "no"}}
    assert deployment["metadata"]["annotations"] == {"on": "yes", "at": "2026-01-01", "big": "1e3"}
    assert deployment["spec"]["replicas"] == 3
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container == {"name": "shop", "image": "r.example.com/shop:1.2.0", "args": ["0644", "12:30"]}


# What is refused before anything runs


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/base",
        "http://169.254.169.254/latest/meta-data",
        "github.com/growlio/base?ref=main",
        "git@github.com:growlio/base.git",
        "git::https://example.com/base",
        "ssh://git@example.com/base",
        "gh:growlio/base",
        "example.com:growlio/base",
        "file:///etc",
        "HTTPS://EXAMPLE.COM/base",
        "base//deeper",
        "base.git",
    ],
)
@pytest.mark.parametrize(
    "field", ["resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge"]
)
async def test_nothing_is_fetched(tmp_path, field, address):
    text = await refusal(write(tmp_path, stg___k=f"{field}: ['{address}']\n"))
    assert text.startswith(f"stg/kustomization.yaml: {field} names")
    assert "nothing is fetched" in text


@pytest.mark.parametrize(
    ("kustomization", "told"),
    [
        ("patches: [{path: 'https://x.example.com/p.yaml'}]", "nothing is fetched"),
        ("patchesJson6902: [{path: 'https://x.example.com/p.yaml'}]", "nothing is fetched"),
        ("replacements: [{path: 'https://x.example.com/p.yaml'}]", "nothing is fetched"),
        ("openapi: {path: 'https://x.example.com/p.json'}", "nothing is fetched"),
        ("configMapGenerator: [{name: a, files: ['k=https://x.example.com/p']}]", "nothing is fetched"),
        ("secretGenerator: [{name: a, envs: ['https://x.example.com/p']}]", "nothing is fetched"),
        ("configMapGenerator: [{name: a, files: [../../../../../../etc/passwd]}]", "leads out of the repository"),
        ("configMapGenerator: [{name: a, env: /etc/passwd}]", "leads out of the repository"),
        ("openapi: {path: ../../../x.json}", "leads out of the repository"),
        ("resources: [../../outside.yaml]", "leads out of the repository"),
        ("resources: [link.yaml]", "leads out of the repository"),
        ("resources: [nothing.yaml]", "is not there"),
        ("helmCharts: [{name: x, repo: 'https://x.example.com'}]", "charts are not fetched"),
        ("helmGlobals: {chartHome: /x}", "charts are not fetched"),
        ("generators: [exec.yaml]", "names a plugin"),
        ("transformers: [exec.yaml]", "names a plugin"),
        ("validators: [exec.yaml]", "names a plugin"),
        ("generators: [function.yaml]", "names a function"),
        ("generators: [chart.yaml]", "names a function"),
        ("generators: [folder]", "is a folder"),
        ('transformers: ["apiVersion: builtin\\nkind: PatchTransformer\\npath: https://x.example.com"]', "an address"),
        ("surprise: 1", "the field surprise, which is not known here"),
        ("resources: &a [x]\nbases: *b", "which is not defined before it"),
        ("resources: []\nresources: [x]", "has the key resources twice"),
        ("resources: !!python/object:os.system [x]", "has the tag"),
        ("- a", "is not one section of keys"),
        ("resources: [", "is no YAML"),
        ("namespace: a\n---\nnamespace: b", "is not one section of keys"),
    ],
)
async def test_what_would_run_fetch_or_leave_the_tree_is_refused(tmp_path, kustomization, told):
    tree = write(
        tmp_path / "tree",
        stg___k=f"{kustomization}\n",
        stg__exec_yaml="apiVersion: growlio.example.com/v1\nkind: Evil\nmetadata: {name: x}\n",
        stg__function_yaml="apiVersion: builtin\nkind: PatchTransformer\n"
        "metadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: ./x}'}}\n",
        stg__chart_yaml="apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\n",
        stg__folder___k="resources: []\n",
    )
    write(tmp_path, outside_yaml=MAP)
    (tree / "stg" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    assert told in await refusal(tree)


async def test_a_base_is_looked_through_as_the_overlay_is(tmp_path):
    tree = write(
        tmp_path, stg___k="resources: [../base]\n", base___k="components: [../more]\n", more___k="helmCharts: []\n"
    )
    assert (await refusal(tree)).startswith("more/kustomization.yaml has helmCharts")


async def test_bases_in_a_circle_end(tmp_path, renderer):
    tree = write(tmp_path, stg___k="resources: [../base]\n", base___k="resources: [../stg]\n")
    assert "can't be rendered" in await refusal(tree, renderer=renderer)


@pytest.mark.parametrize(
    "overlay", ["..", "../tree", "/etc", "stg/../..", "link", "", ".git", "nothing", "stg\0", "a.yaml"]
)
async def test_an_overlay_that_is_not_a_folder_of_the_tree_is_refused(tmp_path, overlay):
    tree = write(tmp_path / "tree", stg___k="resources: []\n", a_yaml=MAP)
    write(tmp_path, out___k="resources: []\n")
    (tree / "link").symlink_to(tmp_path / "out")
    with pytest.raises(RenderError):
        await NEVER_RUN.render(tree, overlay)


# What it can't do


async def test_the_renderers_own_words_are_told_without_the_places_of_this_machine(tmp_path, renderer):
    tree = write(tmp_path, stg___k="resources: [a.yaml]\npatches: [{path: p.yaml}]\n", stg__a_yaml=MAP)
    write(tree, stg__p_yaml=MAP.replace("name: a", "name: other"))
    text = await refusal(tree, renderer=renderer)
    assert "other" in text
    assert "\n" not in text


async def test_a_file_outside_its_kustomization_is_refused_by_the_renderer_too(tmp_path, renderer):
    tree = write(tmp_path, stg___k="resources: [../base/a.yaml]\n", base__a_yaml=MAP)
    assert "base/a.yaml" in await refusal(tree, renderer=renderer)


async def test_a_bomb_of_aliases_hits_the_limit_of_memory(tmp_path, renderer):
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: a}", "x0: &x0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 10)]
    tree = write(tmp_path, stg___k="resources: [a.yaml]\n", stg__a_yaml="\n".join(lines))
    binary = find_binary(None)
    assert binary is not None
    patient = Renderer(binary, limits=replace(LIMITS, wall_s=60))
    assert "memory" in await refusal(tree, renderer=patient)


async def test_no_git_and_no_program_is_in_its_reach(tmp_path, renderer):
    folder = write(tmp_path, _k="resources: ['https://git.invalid/growlio/base.git?ref=main']\n")
    done = await renderer._run(folder)
    assert done.code != 0
    assert done.output == b""


def program(folder: Path, text: str) -> Path:
    path = folder / "kustomize"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return path


async def test_it_is_given_no_variable_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1-secret")
    told = program(tmp_path, "import json, os, sys\nprint(json.dumps({'e': dict(os.environ), 'a': sys.argv[1:]}))")
    tree = write(tmp_path / "tree", stg___k="resources: []\n")
    ((document),) = await Renderer(told).render(tree, "stg")
    environment = document["e"]
    assert "xoxb-1-secret" not in str(document)
    assert environment["PATH"] == "/nonexistent"
    assert environment["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert environment["HOME"] != os.environ.get("HOME")
    assert document["a"] == ["build", "."]


async def test_limits_are_set_before_it_starts(tmp_path):
    asked = "import json, resource as r\nnames = ('CPU', 'DATA', 'AS', 'FSIZE', 'CORE')\n"
    asked += "print(json.dumps({name: r.getrlimit(getattr(r, 'RLIMIT_' + name)) for name in names}))"
    tree = write(tmp_path / "tree", stg___k="resources: []\n")
    (limits,) = await Renderer(program(tmp_path, asked)).render(tree, "stg")
    expected = {"CPU": LIMITS.cpu_s, "DATA": LIMITS.memory, "AS": LIMITS.address_space, "FSIZE": 0, "CORE": 0}
    assert limits == {name: [most, most] for name, most in expected.items()}


PATIENT = replace(LIMITS, wall_s=60, cpu_s=60, file=MIB, output=1000)
QUICK = replace(PATIENT, wall_s=0.3)


async def test_an_endless_render_is_stopped(tmp_path):
    tree = write(tmp_path / "tree", stg___k="resources: []\n")
    endless = Renderer(program(tmp_path, "while True: pass"), limits=QUICK)
    assert "took longer than 0.3 s" in await refusal(tree, renderer=endless)
    with pytest.raises(ChildTooSlow):
        await run(["/bin/sh", "-c", "sleep 600 & sleep 600"], {}, tmp_path, QUICK)


async def test_an_output_that_is_too_large_is_stopped(tmp_path):
    tree = write(tmp_path / "tree", stg___k="resources: []\n")
    loud = Renderer(program(tmp_path, "while True: print('a: b')"), limits=PATIENT)
    assert "renders to more than" in await refusal(tree, renderer=loud)
    with pytest.raises(ChildTooLoud):
        await run([sys.executable, "-c", "while True: print('a')"], {}, tmp_path, PATIENT)


async def test_a_render_that_nobody_waits_for_any_more_is_ended(tmp_path):
    asking = asyncio.create_task(run(["/bin/sh", "-c", "echo $$ > pid; sleep 600"], {}, tmp_path, PATIENT))
    async with asyncio.timeout(30):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert not asking.done(), asking
            await asyncio.sleep(0.02)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_machine_without_a_renderer_says_so(tmp_path):
    with pytest.raises(OutsideError, match="kustomize: is not installed"):
        await Manifests().render(tmp_path, "stg")
    assert find_binary(tmp_path / "kustomize") is None


# Documents


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("true", True),
        ("~", None),
        ("0644", 420),
        ("0o644", 420),
        ("0x1F", 31),
        ("-5", -5),
        ("1e+06", 1e6),
        (".5", 0.5),
        ('"1"', "1"),
        ("'true'", "true"),
        (".inf", ".inf"),
        ("=", "="),
        ("9" * 40, int("9" * 40)),
    ],
)
def test_scalars_mean_what_the_tools_that_write_them_mean(text, meant):
    ((found),) = read_documents(f"a: {text}\n".encode())
    assert found == {"a": meant}
    assert type(found["a"]) is type(meant)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BOMB.encode(), "with its aliases written out"),
        (b"a: &a [1]\nb: [" + b"*a, " * 101 + b"]", "more than 100 aliases"),
        (b"a: &a [*a]", "not defined before it"),
        (b"[" * 100 + b"]" * 100, "nested more than 64 deep"),
        (b"a: 1\na: 2", "the key a twice"),
        (b"a: !!python/object/apply:os.system [ls]", "has the tag"),
        (b"a: !!binary aGk=", "has the tag"),
        (b"? [a]\n: b", "a key that is not text"),
        (b"<<: {a: b}", "merge key"),
        (b"---\na: 1\n" * 501, "more than 500 documents"),
        (b"#" * (5 * MIB + 1), "larger than 5 MiB"),
        (b"- x\n" * 200_001, "more than 200000 values"),
        (b"\xff\xfe\x00", "is no YAML"),
        (b"a: [", "is no YAML"),
        (b"a: \x01", "is no YAML"),
    ],
)
def test_a_text_that_would_eat_the_machine_or_hide_a_key_is_refused(content, told):
    with pytest.raises(BadDocuments, match=told):
        read_documents(content)


# A plain directory


async def test_a_directory_is_told_by_its_content(tmp_path):
    source = Directory("m", write(tmp_path / "m", a___k="resources: []\n", b_yaml=MAP), Trees(tmp_path / "trees"))
    first = await source.latest()
    assert (await source.revision(first.sha[:8])).sha == first.sha
    async with source.checkout(first.sha) as tree:
        assert (tree / "b.yaml").read_text() == MAP
        write(tmp_path / "m", b_yaml=MAP.replace("v}", "w}"))
        assert (tree / "b.yaml").read_text() == MAP, "a copy"
    second = await source.latest()
    assert second.sha != first.sha
    assert await source.commits(first.sha, second.sha) == ()
    for asked in (source.revision(first.sha[:8]), source.checkout(first.sha).__aenter__()):
        with pytest.raises(UserError) as refused:
            await asked
        assert refused.value.code == "unknown_commit"
    (tmp_path / "m" / "b.yaml").rename(tmp_path / "m" / "c.yaml")
    assert (await source.latest()).sha != second.sha


async def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(OutsideError, match="can't be read"):
        await Directory("m", tmp_path / "none", Trees(tmp_path / "trees")).latest()
