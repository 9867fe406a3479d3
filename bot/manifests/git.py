"""The git program, fenced: words as a list, a private configuration, one protocol, no hooks, no prompt, no submodule.

Used by bot.manifests.repository only. Credentials travel in the child's environment, never in words, addresses or
messages. Works with Git 2.31 and later.
"""

import base64
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.domain.redaction import redact
from bot.errors import OutsideError, Refused, Unreachable
from bot.manifests.children import MIB, ChildTooLoud, ChildTooSlow, Done, Limits, run

MOST_REPOSITORY_BYTES = 500 * MIB
LONGEST_WORDS = 300
_PASSED_ON = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "GIT_SSL_CAINFO")
_CONFIGURATION = """\
# Written by Kajitori at each start.
[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	fsmonitor = false
	logAllRefUpdates = false
[credential]
	helper =
[fetch]
	recurseSubmodules = false
	unpackLimit = 1
	writeCommitGraph = false
[gc]
	auto = 0
[http]
	followRedirects = false
	lowSpeedLimit = 1000
	lowSpeedTime = 20
[init]
	defaultBranch = main
[maintenance]
	auto = false
[protocol]
	version = 2
[push]
	recurseSubmodules = no
[safe]
	directory = *
[submodule]
	recurse = false
[transfer]
	advertiseSID = false
"""
_TIRED = ("remote end hung up", "early EOF", "timed out", "Could not resolve", "Failed to connect", "Connection reset")
_LARGE = ("died of signal", "File size limit exceeded", "File too large", "out of memory")
_DENIED = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied|returned error: 40[13]|"
    r"Host key verification failed|terminal prompts disabled",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class GitLogin:
    """What lets the bot into repositories."""

    username: str = ""
    token: str = field(default="", repr=False)
    ssh_key: Path | None = None
    known_hosts: Path | None = None


def find_git() -> Path | None:
    """The program, where packages put it."""
    found = shutil.which("git", path="/usr/local/bin:/usr/bin:/bin")
    return Path(found) if found else None


class Git:
    """Runs git for one repository. `home` is a folder of ours alone, made when it is needed."""

    def __init__(self, system: str, url: str, login: GitLogin, home: Path, binary: Path | None) -> None:
        self._system = system
        self._url = url
        self._binary = binary
        self._home = home
        self._environment = _environment(url, login, home)

    async def run(
        self,
        *words: str,
        given: bytes = b"",
        wall_s: float = 30.0,
        output: int = 16 * MIB,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """One command, however it ends. Raises Unreachable when the time is up, OutsideError without a git."""
        if self._binary is None:
            raise OutsideError("git", "is not installed where the bot runs")
        limits = Limits(
            wall_s=wall_s,
            cpu_s=max(10, int(wall_s) * 2),
            memory=1024 * MIB,
            address_space=8192 * MIB,
            file=MOST_REPOSITORY_BYTES,
            output=output,
            offline=False,
        )
        try:
            self._prepare()
            return await run(
                [str(self._binary), *words],
                self._environment | dict(environment or {}),
                self._home,
                limits,
                given=given,
            )
        except ChildTooSlow as error:
            raise Unreachable(self._system, f"did not answer within {wall_s:g} s") from error
        except ChildTooLoud as error:
            raise OutsideError(self._system, "has more to tell than can be looked through") from error
        except OSError as error:
            raise OutsideError("git", f"can't be started ({error.strerror})") from error

    async def ask(
        self,
        *words: str,
        given: bytes = b"",
        wall_s: float = 30.0,
        output: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """The output of a command that must succeed. Raises Refused (no access), Unreachable, OutsideError."""
        done = await self.run(*words, given=given, wall_s=wall_s, output=output or 16 * MIB, environment=environment)
        if done.code != 0:
            raise self.failure(done)
        return done.output

    def failure(self, done: Done) -> OutsideError:
        """Why a command failed, in git's own words, without addresses and places of this machine."""
        if done.code < 0 or any(each in done.error for each in _LARGE):
            return OutsideError(self._system, "needs more room or time than a repository of manifests may take")
        if _DENIED.search(done.error):
            return Refused(self._system, "does not let the bot in; is its credential right?", code="denied")
        if "returned error: 30" in done.error or "redirect" in done.error.lower():
            return Refused(self._system, "moved: it redirects; write its new address", code="moved")
        words = self._words(done.error)
        if "not found" in words.lower() or "does not exist" in words or "does not appear to be" in words:
            return Refused(self._system, f"is not there, or the bot may not see it ({words})", code="not_found")
        if any(each in done.error for each in _TIRED):
            return Unreachable(self._system, f"can't be reached ({words})")
        return OutsideError(self._system, f"can't be read ({words or f'git ended with {done.code}'})")

    def _words(self, error: str) -> str:
        lines = [line.strip() for line in error.splitlines()]
        told = [line.partition(":")[2].strip() for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
        text = " ".join(dict.fromkeys(told or lines[-1:]))
        for place in (self._url, str(self._home)):
            text = text.replace(place, "the repository")
        text = re.sub(r"\w+://\S+", "its address", text)
        return redact(text)[:LONGEST_WORDS]

    def _prepare(self) -> None:
        """The folder and the private configuration, as they must be."""
        file = self._home / "gitconfig"
        if not file.exists() or file.read_text(encoding="utf-8") != _CONFIGURATION:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            draft.write_text(_CONFIGURATION, encoding="utf-8")
            draft.replace(file)


def protocol_of(url: str) -> str:
    """What git calls the way to that address; the only one that it may take."""
    if url.startswith("/"):
        return "file"
    scheme = urlsplit(url).scheme if "://" in url else "ssh"
    return scheme if scheme in ("https", "http", "ssh", "file") else "none"


def _environment(url: str, login: GitLogin, home: Path) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    protocol = protocol_of(url)
    environment |= {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_SSH_COMMAND": _ssh(login, home),
        "GIT_SSH_VARIANT": "ssh",
    }
    if protocol in ("https", "http") and login.token:
        # For this host alone, whatever else the address may lead to.
        parts = urlsplit(url)
        pair = f"{login.username or 'git'}:{login.token}".encode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {base64.b64encode(pair).decode()}",
        }
    return environment


def _ssh(login: GitLogin, home: Path) -> str:
    """Git gives this to a shell; every word is ours or the operator's, and quoted."""
    words = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    words += ["-o", "ClearAllForwardings=yes", "-o", "ControlPath=none", "-o", "IdentityAgent=none"]
    strict = "yes" if login.known_hosts else "accept-new"
    known = login.known_hosts or home / "known_hosts"
    words += ["-o", f"StrictHostKeyChecking={strict}", "-o", f"UserKnownHostsFile={known}"]
    if login.ssh_key is not None:
        words += ["-o", "IdentitiesOnly=yes", "-i", str(login.ssh_key)]
    return shlex.join(words)
