"""A Git repository of manifests: what is fetched, what is laid out, and what can't be made of it by names."""

import asyncio
import json
import shutil
import stat
import sys
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.manifests.commits import Commit
from bot.errors import OutsideError, Refused, Unreachable, UserError
from bot.manifests.clone import TIP
from bot.manifests.git import Git, GitLogin
from bot.manifests.repository import GitRepository
from bot.settings.forms import BadForm
from bot.settings.manifests import branch_name, git_url


def titles(commits) -> list[str]:
    return [commit.title for commit in commits]


def clone_of(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "home").glob("m-*/clone.git")
    return folder


async def code_of(asking) -> str:
    with pytest.raises(UserError) as refused:
        await asking
    return refused.value.code


async def test_new_commits_are_seen_and_told_newest_first(origin, opened):
    first = origin.commit("First", a="1")
    repository = opened()
    assert await repository.latest() == Commit(first, "Alice", "First", (await repository.latest()).at)
    second, third = origin.commit("Second", base__b="2"), origin.commit("Third", c="3")
    assert (await repository.latest()).sha == third
    assert titles(await repository.commits(first, third)) == ["Third", "Second"]
    assert titles(await repository.commits(first, third, "base")) == ["Second"]
    assert await repository.commits(third, third) == ()
    assert (await repository.revision(second[:9].upper())).title == "Second"


async def test_what_was_fetched_just_now_is_not_fetched_again(origin, tmp_path, opened):
    first = origin.commit("First", a="1")
    repository = opened()
    repository._fresh_s = 600
    assert (await repository.latest()).sha == first
    shutil.rmtree(origin.path)
    answers = await asyncio.gather(*(repository.latest() for _ in range(5)))
    assert {answer.sha for answer in answers} == {first}


async def test_a_branch_that_was_written_anew_is_followed_and_its_old_commits_are_unrelated(origin, opened):
    base, old = origin.commit("Base", a="1"), origin.commit("Old", a="2")
    repository = opened()
    await repository.latest()
    origin.git("reset", "--quiet", "--hard", base)
    new = origin.commit("New", a="3")
    assert (await repository.latest()).sha == new
    assert await code_of(repository.commits(old, new)) == "unrelated_commits"
    async with repository.checkout(old) as tree:
        assert (tree / "a").read_text() == "2", "what was planned from it can still be looked at"


async def test_a_commit_that_is_on_another_branch_or_nowhere_is_unknown(origin, opened):
    first = origin.commit("First", a="1")
    origin.git("checkout", "--quiet", "-b", "side")
    side = origin.commit("Side", a="evil")
    repository = opened()
    for name in (side, side[:10], "0" * 40, "main", TIP, "HEAD~1", "--upload-pack=touch /x", "-h", "", "abc"):
        if name:
            assert await code_of(repository.revision(name)) == "unknown_commit", name
        with pytest.raises(UserError, match="no commit"):
            async with repository.checkout(name):
                pass
    assert (await repository.latest()).sha == first


async def test_a_checkout_is_the_commit_alone_exactly_and_read_only(origin, tmp_path, opened):
    attributes = "* text eol=crlf export-subst\nhidden export-ignore\n"
    first = origin.commit("First", **{".gitattributes": attributes, "a__b": "1\n$Format:%H$\n", "hidden": "2"})
    origin.commit("Second", a__b="later")
    async with opened().checkout(first) as tree:
        files = {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}
        assert files == {".gitattributes": attributes, "a/b": "1\n$Format:%H$\n", "hidden": "2"}
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (tree, *tree.rglob("*"))}
        assert modes == {0o555, 0o444}
    assert list((tmp_path / "trees").iterdir()) == []


async def test_links_that_lead_out_are_left_out_of_a_checkout(origin, opened):
    (origin.path / "out").symlink_to("/etc")
    (origin.path / "up").symlink_to("../../x")
    (origin.path / "loop").symlink_to("loop")
    (origin.path / "in").symlink_to("a")
    sha = origin.commit("Links", a="1")
    async with opened().checkout(sha) as tree:
        assert sorted(path.name for path in tree.iterdir()) == ["a", "in"]
        assert (tree / "in").read_text() == "1"


async def test_names_that_look_like_options_or_lines_are_names(origin, opened):
    names = ["--upload-pack=touch x", "-rf", "a\nb", "sp ace", "'$(touch x)'", ":(top)a"]
    for name in names:
        (origin.path / name).write_text(name)
    first = origin.commit("--exec=touch x \x1b[31mred")
    second = origin.commit("Second", **{"-rf": "again"})
    repository = opened()
    async with repository.checkout(first) as tree:
        assert sorted(path.name for path in tree.iterdir()) == sorted(names)
    assert "\x1b" not in (await repository.revision(first)).title
    assert titles(await repository.commits(first, second, "-rf")) == ["Second"]
    assert titles(await repository.commits(first, second, ":(top)a")) == []


@pytest.mark.parametrize(
    "name", ["--upload-pack=x", "-b", "a..b", "a b", "a\n", "refs/heads/../x", "x.lock", "@{1}", ""]
)
def test_no_such_branch_is_accepted(name):
    with pytest.raises(BadForm):
        branch_name(name)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /x",
        "file:///etc",
        "--upload-pack=touch /x",
        "https://me:secret@example.com/a.git",
        "http://example.com/a.git",
        "git://example.com/a",
        "https://example.com",
        "ssh://-oProxyCommand=x/a",
        "-oProxyCommand=x:a",
        "https://example.com/a b",
        "https://example.com/a?x",
    ],
)
def test_no_such_address_is_accepted(url):
    with pytest.raises(BadForm):
        git_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/t/m.git", "git@example.com:t/m.git", "ssh://git@example.com:22/t/m", "http://127.0.0.1:1/m"],
)
def test_such_addresses_are_accepted(url):
    assert git_url(url) == url


async def test_what_a_killed_git_left_behind_stops_nobody(origin, tmp_path, opened):
    origin.commit("First", a="1")
    await opened().latest()
    clone = clone_of(tmp_path)
    for left in (
        f"{TIP}.lock",
        "config.lock",
        "HEAD.lock",
        "packed-refs.lock",
        "shallow.lock",
        "objects/pack/tmp_pack_x",
    ):
        (clone / left).write_text("")
    (clone.parent / "clone.new").mkdir()
    second = origin.commit("Second", a="2")
    assert (await opened().latest()).sha == second
    assert not list(clone.rglob("*.lock"))


@pytest.mark.parametrize("harm", ["no objects", "bad packs", "no clone", "no ref", "half swapped"])
async def test_a_broken_clone_is_made_anew(origin, tmp_path, opened, harm):
    first = origin.commit("First", a="1")
    repository = opened()
    await repository.latest()
    clone = clone_of(tmp_path)
    if harm == "no objects":
        for pack in (clone / "objects" / "pack").iterdir():
            pack.unlink()
    elif harm == "bad packs":
        for pack in (clone / "objects" / "pack").iterdir():
            pack.chmod(0o600)
            pack.write_bytes(pack.read_bytes()[:40])
    elif harm == "no clone":
        shutil.rmtree(clone)
    elif harm == "no ref":
        (clone / TIP).write_text("not a name\n")
    else:
        clone.rename(clone.with_name("clone.old"))
    second = origin.commit("Second", b="2")
    restarted = opened()
    assert (await restarted.latest()).sha == second
    async with restarted.checkout(first) as tree:
        assert (tree / "a").read_text() == "1"


async def test_a_clone_that_breaks_while_it_is_used_is_made_anew(origin, tmp_path, opened):
    first = origin.commit("First", a="1")
    repository = opened()
    await repository.latest()
    for pack in (clone_of(tmp_path) / "objects" / "pack").iterdir():
        pack.unlink()
    async with repository.checkout(first) as tree:
        assert (tree / "a").read_text() == "1"


async def test_a_repository_that_is_gone_is_told_shortly_without_its_place(origin, tmp_path, opened):
    origin.commit("First", a="1")
    repository = opened()
    sha = (await repository.latest()).sha
    shutil.rmtree(origin.path)
    with pytest.raises(OutsideError) as told:
        await repository.latest()
    assert str(tmp_path) not in str(told.value)
    async with opened().checkout(sha) as tree:
        assert (tree / "a").read_text() == "1", "what is known needs no repository"


async def test_a_branch_that_is_not_there_is_told(origin, opened):
    origin.commit("First", a="1")
    with pytest.raises(Refused, match="has no branch nope"):
        await opened("nope").latest()


async def test_what_a_repository_on_this_machine_has_checked_out_is_followed_without_a_branch(origin, opened):
    first = origin.commit("First", a="1")
    origin.commit("Second", a="2")
    origin.git("checkout", "--quiet", "--detach", first)
    assert (await opened("").latest()).sha == first


async def test_an_undo_is_one_commit_on_a_new_branch_however_often_it_is_asked_for(origin, opened):
    sha = origin.commit("First", base__a="1", b="1")
    repository: GitRepository = opened()
    for _ in range(2):
        where = await repository.push_branch("undo/1", sha, {"base/a": b"2"}, "Undo it\n\nwhy", "Bob <b@x>\nEvil: x")
        assert where == "undo/1"
    assert origin.git("log", "--format=%an|%s|%P", f"{sha}..undo/1") == f"Bob b@x Evil: x|Undo it|{sha}"
    assert origin.git("diff", "--name-only", sha, "undo/1") == "base/a"
    assert origin.git("show", "undo/1:base/a") == "2"
    assert await code_of(repository.push_branch("undo/1", sha, {"b": b"3"}, "Other", "Bob")) == "branch_taken"
    for name in ("main", "--force", "a..b", "HEAD", "+x", "x:main"):
        assert await code_of(repository.push_branch(name, sha, {"b": b"3"}, "Other", "Bob")) == "no_push", name
    for path in ("../x", ".git/config", "/x", "a//b"):
        assert await code_of(repository.push_branch("undo/2", sha, {path: b"3"}, "Other", "Bob")) == "no_push", path
    assert origin.git("rev-parse", "main") == sha
    assert origin.git("branch", "--list", "undo/2") == ""


async def test_no_hook_of_the_repository_runs_here(origin, tmp_path, opened):
    sha = origin.commit("First", a="1")
    repository = opened()
    await repository.latest()
    for hook in ("pre-push", "reference-transaction", "post-checkout"):
        place = clone_of(tmp_path) / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        place.chmod(0o755)
    await repository.push_branch("undo/1", sha, {"a": b"2"}, "Undo", "Bob")
    await repository.latest()
    assert not (tmp_path / "ran").exists()


async def test_a_token_is_in_no_word_and_no_address_and_for_its_host_alone(tmp_path, monkeypatch):
    program = tmp_path / "git"
    program.write_text(f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv, dict(os.environ)]))\n")
    program.chmod(0o755)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1-secret")
    login = GitLogin("bot", "hunter2secret")
    git = Git("the repository m", "https://example.com:8443/t/m.git", login, tmp_path / "home", program)
    words, environment = json.loads(await git.ask("fetch", "--", "x"))
    assert words[1:] == ["fetch", "--", "x"]
    assert "hunter2secret" not in str([words, environment, login])
    assert environment["GIT_CONFIG_KEY_0"] == "http.https://example.com:8443/.extraHeader"
    assert environment["GIT_CONFIG_VALUE_0"] == "Authorization: Basic Ym90Omh1bnRlcjJzZWNyZXQ="
    assert environment["GIT_ALLOW_PROTOCOL"] == "https"
    assert "SLACK_BOT_TOKEN" not in environment


async def test_a_git_that_does_not_answer_is_given_up(tmp_path):
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    git = Git("the repository m", "https://example.com/m", GitLogin(), tmp_path / "home", program)
    with pytest.raises(Unreachable, match=r"did not answer within 0\.2 s"):
        await git.ask("fetch", wall_s=0.2)


async def test_a_redirect_takes_no_token_elsewhere(origin, opened):
    asked: list[tuple[str, str]] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(("elsewhere", request.headers.get("Authorization", "")))
        return web.Response(status=404)

    async def moved(request: web.Request) -> web.Response:
        asked.append(("moved", request.headers.get("Authorization", "")))
        raise web.HTTPFound(f"http://localhost:{ports['elsewhere']}{request.path_qs}")

    ports: dict[str, int] = {}
    runners = []
    for name, handler in (("elsewhere", elsewhere), ("moved", moved)):
        app = web.Application()
        app.router.add_get("/{tail:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports[name] = runner.addresses[0][1]
        runners.append(runner)
    try:
        repository = opened(url=f"http://127.0.0.1:{ports['moved']}/m.git", login=GitLogin("bot", "hunter2secret"))
        with pytest.raises(OutsideError) as told:
            await repository.latest()
    finally:
        for runner in runners:
            await runner.cleanup()
    assert [(who, bool(header)) for who, header in asked] == [("moved", True)]
    assert "hunter2secret" not in str(told.value)
    assert str(ports["moved"]) not in str(told.value)
