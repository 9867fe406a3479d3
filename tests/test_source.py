"""What no line of the program does: held by reading the program, so that a new one can't do it unseen."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = [*sorted((ROOT / "bot").rglob("*.py")), *sorted((ROOT / "handlers").rglob("*.py"))]
OUTSIDE_THE_SANDBOX = [file for file in FILES if "sandbox" not in file.parts]
TREES = {file: ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in FILES}
NODES = {file: list(ast.walk(tree)) for file, tree in TREES.items()}
CALLS = {
    file: [(ast.unparse(node.func), node) for node in nodes if isinstance(node, ast.Call)]
    for file, nodes in NODES.items()
}

CODE_FROM_TEXT = {"eval", "exec", "compile", "__import__", "execfile"}
CODE_FROM_BYTES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "codeop", "runpy"}
UNSAFE_YAML = {"yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "yaml.unsafe_load_all"}
TEMPLATES = {"jinja2", "mako", "chameleon", "string.Template"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
SHELLS |= {"asyncio.create_subprocess_shell", "pty.spawn", "commands.getoutput"}
PROGRAMS = {
    "bot/store/migrate.py": "our own migrations, in a process of their own",
    "bot/manifests/children.py": "git and kustomize, behind a fence",
    "bot/manifests/fence.py": "the fence, which becomes the program behind it",
}
"""Where programs are started: words of people never become one, nor a shell's."""
HTTP_CLIENTS = {
    "bot/app.py",
    "bot/datadog/wire.py",
    "bot/kube/connection.py",
    "bot/kube/streams.py",
    "bot/registry/answer.py",
    "bot/registry/client.py",
    "bot/slack/client.py",
    "bot/slack/messages.py",
}
"""Who makes HTTP requests: to hosts of the configuration, and to Slack's response URLs."""


def relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def calls(file: Path) -> list[tuple[str, ast.Call]]:
    """Every call with its dotted name."""
    return CALLS[file]


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in NODES[file]:
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def test_no_text_or_bytes_become_code() -> None:
    for file in FILES:
        called = {name for name, _ in calls(file)}
        assert not called & CODE_FROM_TEXT, relative(file)
        assert not called & UNSAFE_YAML, relative(file)
        assert not {name.partition(".")[0] for name in imports(file)} & CODE_FROM_BYTES, relative(file)
        assert not {"SQLAlchemyJobStore", "PickleSerializer"} & {name.rpartition(".")[2] for name in called}


def test_no_shell_is_started() -> None:
    for file in FILES:
        for name, call in calls(file):
            assert name not in SHELLS, relative(file)
            assert not [each for each in call.keywords if each.arg == "shell"], relative(file)


def test_programs_are_started_where_a_reason_is_written_down_and_nowhere_else() -> None:
    starting = {"asyncio.create_subprocess_exec", "subprocess.run", "subprocess.Popen", "subprocess.check_output"}
    starting |= {"os.execv", "os.execve", "os.execvp", "os.spawnv", "os.posix_spawn", "os.fork"}
    found = {relative(file) for file in OUTSIDE_THE_SANDBOX for name, _ in calls(file) if name in starting}
    assert found == PROGRAMS.keys()


def test_no_text_is_a_template() -> None:
    """`str.format` reads attributes of what it is given: only our own literals may be formatted with it."""
    for file in OUTSIDE_THE_SANDBOX:
        assert not imports(file) & TEMPLATES, relative(file)
        constants = _constants(file)
        for name, call in calls(file):
            if name.endswith((".format", ".format_map")) and isinstance(call.func, ast.Attribute):
                owner = call.func.value
                is_ours = isinstance(owner, ast.Constant) or ast.unparse(owner) in constants
                assert is_ours, f"{name}, {relative(file)}:{call.lineno}"


def _constants(file: Path) -> set[str]:
    """Names that are bound to the texts of a constant dictionary: `for state, words in _WORDS.items()`."""
    tables = {
        target.id
        for node in TREES[file].body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
        and all(isinstance(each, ast.Constant | ast.JoinedStr) for each in node.value.values)
    }
    found = set()
    for node in NODES[file]:
        if isinstance(node, ast.comprehension | ast.For) and ast.unparse(node.iter).removesuffix(".items()") in tables:
            found |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
    return found


def test_no_statement_of_the_database_is_put_together_from_text() -> None:
    for file in sorted((ROOT / "bot" / "store").rglob("*.py")):
        for name, call in calls(file):
            if name.rpartition(".")[2] not in ("text", "exec_driver_sql", "DDL") or not call.args:
                continue
            given = call.args[0]
            joined = [each for each in ast.walk(given) if isinstance(each, ast.FormattedValue | ast.BinOp)]
            assert joined == [], f"{relative(file)}:{call.lineno}"


def test_only_the_adapters_ask_over_http() -> None:
    clients = {"aiohttp.ClientSession", "aiohttp", "httpx", "requests", "urllib.request", "http.client", "urllib3"}
    asking = {
        relative(file)
        for file in OUTSIDE_THE_SANDBOX
        if imports(file) & clients and "bot/inbound" not in relative(file)
    }
    assert asking == HTTP_CLIENTS


def test_no_annotation_of_a_cluster_chooses_anything_about_messages() -> None:
    """Who may annotate a pod or a namespace must not choose the channel: that is the configuration's alone."""
    reading = {
        relative(file)
        for file in OUTSIDE_THE_SANDBOX
        if any(isinstance(node, ast.Constant) and node.value == "annotations" for node in NODES[file])
    }
    talking = ("bot/cards", "bot/reconcile/alerts", "bot/reconcile/pods", "bot/slack", "bot/usecases", "bot/inbound")
    # The overlays' plan reads which release applied an object last, and says nothing of it.
    assert [file for file in sorted(reading) if file.startswith(talking)] == ["bot/usecases/overlays.py"]


def test_no_program_reads_words_of_people_as_paths() -> None:
    """Handlers and use cases open no files: names are looked up in the catalogue, never joined into paths."""
    upper = [
        file for file in OUTSIDE_THE_SANDBOX if relative(file).startswith(("handlers", "bot/usecases", "bot/router"))
    ]
    assert upper
    for file in upper:
        assert not imports(file) & {"pathlib", "os", "os.path", "shutil", "tempfile", "io", "glob"}, relative(file)
        assert "open" not in {name for name, _ in calls(file)}, relative(file)
