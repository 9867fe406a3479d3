"""What comes from environment variables: secrets and addresses. Called by bot.settings.load with the environment given.

Every variable NAME can also be given as NAME_FILE, the path of a file that holds it, as mounted secrets are.
A value is never quoted in a fault.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from bot.settings.faults import ENVIRONMENT, Fault
from bot.settings.forms import BadForm, Form
from bot.settings.secret import Secret

NAMES = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_API_URL",
    "DD_API_KEY",
    "DD_APP_KEY",
    "DATADOG_WEBHOOK_SECRET",
    "DD_SITE",
    "DD_API_URL",
    "DD_ONCALL_URL",
    "DD_APP_URL",
    "DATABASE_URL",
    "KUBECONFIG",
    "KAJITORI_CONFIG",
    "GIT_USERNAME",
    "GIT_TOKEN",
    "GIT_SSH_KEY_FILE",
    "GIT_SSH_KNOWN_HOSTS_FILE",
    "KUSTOMIZE_BINARY",
)
_LARGEST_SECRET = 1 << 16


class Variables:
    """Reads variables once each and notes what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[Fault] = []

    def add(self, name: str, problem: str, remedy: str) -> None:
        """Note a fault of a variable."""
        self.faults.append(Fault(ENVIRONMENT, 0, name, problem, remedy))

    def text(self, name: str) -> str | None:
        """The value without surrounding white space; None when it is unset or blank, or its file can't be read."""
        path = self._environ.get(f"{name}_FILE", "").strip()
        value = self._environ.get(name, "").strip()
        if not path:
            return value or None
        if value:
            self.add(name, f"is set, and so is {name}_FILE", "Set one of the two.")
            return None
        try:
            with Path(path).open("rb") as file:
                content = file.read(_LARGEST_SECRET + 1)
            value = content.decode().strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no text"
            self.add(f"{name}_FILE", f"names a file that can't be read ({reason})", "Mount it, readable for the bot.")
            return None
        if len(content) > _LARGEST_SECRET or not value:
            self.add(
                f"{name}_FILE", "names a file that is empty or too large", "Let it hold the value and nothing else."
            )
            return None
        return value

    def secret(self, name: str) -> Secret | None:
        """A secret that may be absent."""
        value = self._one_line(name)
        return Secret(value) if value else None

    def token(self, name: str, prefixes: tuple[str, ...], what: str, *, needed: bool) -> Secret | None:
        """A Slack token, told from the other kinds by its prefix. `what` names it for the person who has to find it."""
        value = self._one_line(name)
        wanted = f"`{prefixes[0]}…`"
        if value is None:
            if needed and not self._told(name):
                self._missing(name, f"the {what} ({wanted})")
            return None
        if not value.startswith(prefixes):
            begins = next((kind for kind in _TOKEN_KINDS if value.startswith(kind)), None)
            problem = f"begins with {begins}: that is {_TOKEN_KINDS[begins]}" if begins else "is no such token"
            self.add(name, problem, f"Set the {what}, which begins with {wanted}.")
            return None
        return Secret(value)

    def signing_secret(self, *, needed: bool) -> Secret | None:
        """SLACK_SIGNING_SECRET."""
        name = "SLACK_SIGNING_SECRET"
        value = self._one_line(name)
        if value is None:
            if needed and not self._told(name):
                self._missing(name, "the app's signing secret (Basic Information), because slack.mode is http")
            return None
        if value.startswith(tuple(_TOKEN_KINDS)):
            self.add(name, "is a token", "Set the app's signing secret (Basic Information), 32 hex digits.")
            return None
        return Secret(value)

    def formed(self, name: str, form: Form[str], default: str) -> str:
        """A value with a form, not quoted when it is wrong: addresses may hold passwords."""
        value = self.text(name)
        if value is None:
            return default
        try:
            return form(value)
        except BadForm as error:
            problem = str(error)
            self.add(name, "has not the form it needs", f"{problem[0].upper()}{problem[1:]}.")
            return default

    def webhook_secrets(self) -> tuple[Secret, ...]:
        """DATADOG_WEBHOOK_SECRET: one, or two with a comma between while rotating."""
        name = "DATADOG_WEBHOOK_SECRET"
        value = self._one_line(name)
        parts = [part.strip() for part in value.split(",")] if value else []
        if len(parts) > 2 or any(not part for part in parts):
            self.add(
                name, "is more than a pair, or half of it is empty", "Write one secret, or two while rotating: old,new."
            )
            return ()
        return tuple(Secret(part) for part in parts)

    def check_spelling(self, name: str) -> None:
        """A fault for a variable that is nearly this one: it would be ignored, and nobody would notice."""
        near = [other for other in get_close_matches(name, self._environ, n=2, cutoff=0.9) if other not in NAMES]
        for other in near:
            self.add(other, "is no variable that Kajitori knows", f"Did you mean {name}?")

    def _one_line(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not (value.isascii() and value.isprintable() and " " not in value):
            self.add(
                name, "holds white space, line breaks or other signs that no secret has", "Set it anew, on one line."
            )
            return None
        return value

    def _told(self, name: str) -> bool:
        return any(fault.key in (name, f"{name}_FILE") for fault in self.faults)

    def _missing(self, name: str, what: str) -> None:
        candidates = [
            other for other in self._environ if other not in NAMES and other.removesuffix("_FILE") not in NAMES
        ]
        near = get_close_matches(name, candidates, n=1, cutoff=0.85)
        hint = f" {near[0]} is set; is it this one, misspelt?" if near else ""
        problem = "is empty" if name in self._environ else "is not set"
        self.add(name, problem, f"Set it to {what}, or {name}_FILE to a file that holds it.{hint}")


_TOKEN_KINDS = {
    "xoxb-": "a bot token",
    "xoxe.xoxb-": "a bot token",
    "xapp-": "an app-level token",
    "xoxp-": "a user token",
    "xoxe.xoxp-": "a user token",
    "xoxe-": "a refresh token",
    "xoxs-": "a session token",
    "xoxc-": "a browser session token",
}


def path_form(text: str) -> str:
    """Any path list; whether the files are there is the client's to say, with the context it wanted."""
    if not text.isprintable():
        raise BadForm("it is a path, as kubectl reads it")
    return text
