"""Where clusters are and who we are there: kubeconfig files and the service account of a pod.

Called by bot.kube.clients. The forms that long-running programs use (token, token file, client certificate, basic
auth, service account) are read here with PyYAML. `exec` and `auth-provider` users need the `kubernetes` package, whose
import costs about 0.4 s and 20 MB on every start (measured with 37.0.2: it imports its synchronous client and every
model too), so it lies behind bot.kube.plugins, which is loaded only when a kubeconfig asks for it.
"""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from bot.errors import KajitoriError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_KUBECONFIG = "~/.kube/config"


class KubeconfigError(KajitoriError):
    """The clusters cannot be found as configured. `problems`: one sentence each, naming file and context."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Tls:
    """What proves the server to us and us to the server: PEM texts. One connection pool per value."""

    ca: str = ""
    """Empty: the system's certificate authorities."""
    certificate: str = ""
    key: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """A context for these proofs; reads and writes files, so call it outside the event loop.

        Raises ssl.SSLError when they are no valid PEM, or the key is not the certificate's.
        """
        made = ssl.create_default_context(cadata=self.ca or None)
        if not self.verify:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        if self.certificate:
            # The ssl module takes a client certificate only from files.
            with tempfile.TemporaryDirectory(prefix="kajitori-") as folder:
                path = Path(folder) / "client.pem"
                path.touch(mode=0o600)
                path.write_text(f"{self.certificate}\n{self.key}\n", encoding="ascii")
                made.load_cert_chain(path)
        return made


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one API server, as read at one moment; read again after a 401 or once `expires` has passed."""

    server: str
    authorization: str = ""
    """Value of the Authorization header; a secret."""
    tls: Tls | None = None
    """None for http://."""
    server_name: str = ""
    """tls-server-name: the name its certificate is for, where that is not the host's."""
    proxy: str = ""
    expires: datetime | None = None

    def __repr__(self) -> str:
        return f"Access({self.server})"


@dataclass(frozen=True, slots=True)
class InCluster:
    """The service account that Kubernetes mounts into a pod. Its token is replaced about once an hour."""

    folder: Path = SERVICE_ACCOUNT

    def read(self) -> Access:
        """Raises KubeconfigError where we do not run in a pod."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise KubeconfigError("no context is named and Kajitori does not run in a cluster: name a `context`")
        try:
            token = (self.folder / "token").read_text(encoding="utf-8").strip()
            ca = (self.folder / "ca.crt").read_text(encoding="ascii")
        except OSError as error:
            raise KubeconfigError(
                f"{self.folder}: the pod's service account can't be read: {error.strerror}"
            ) from error
        name = f"[{host}]" if ":" in host else host
        return Access(f"https://{name}:{port}", f"Bearer {token}", Tls(ca=ca))


@dataclass(frozen=True, slots=True)
class Entry:
    """One named item of a kubeconfig and the file it stands in, from which its relative paths are reckoned."""

    value: Mapping[str, Any]
    file: Path

    def pem(self, field: str) -> str:
        """PEM text: inline (`<field>-data`, base64) or of the file that `field` names; empty when there is neither."""
        inline, path = self.value.get(f"{field}-data"), self.value.get(field)
        try:
            if inline:
                return base64.b64decode("".join(str(inline).split()), validate=True).decode("ascii")
            return (self.file.parent / str(path)).read_text(encoding="ascii") if path else ""
        except (binascii.Error, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{self.file}: {field}-data is not base64 of a PEM text") from error
        except OSError as error:
            raise KubeconfigError(f"{self.file}: {field} {path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig (one file, or several joined by `:`, where the first to name a thing wins)."""

    kubeconfig: str
    name: str

    def read(self) -> Access:
        """Raises KubeconfigError naming the file and the context."""
        _, cluster, user = self.entries()
        server = str(cluster.value.get("server") or "").rstrip("/")
        if not server.startswith(("http://", "https://")):
            raise KubeconfigError(f"{cluster.file}: context {self.name}: its cluster has no `server` (https://…)")
        tls = None
        if server.startswith("https://"):
            tls = Tls(
                ca=cluster.pem("certificate-authority"),
                certificate=user.pem("client-certificate"),
                key=user.pem("client-key"),
                verify=not cluster.value.get("insecure-skip-tls-verify", False),
            )
        return Access(
            server,
            _authorization(user),
            tls,
            server_name=str(cluster.value.get("tls-server-name") or ""),
            proxy=str(cluster.value.get("proxy-url") or ""),
        )

    def needs_plugin(self) -> bool:
        """Whether its user's credentials come from another program or an OpenID provider."""
        _, _, user = self.entries()
        return "exec" in user.value or "auth-provider" in user.value

    def risks(self) -> tuple[str, ...]:
        """What only a developer's own cluster may have: credentials from programs, a server that anybody could be."""
        context, cluster, user = self.entries()
        where = f"{context.file}: context {self.name}"
        found = []
        if "exec" in user.value:
            found.append(f"{where}: exec credentials are not allowed")
        if "auth-provider" in user.value:
            found.append(f"{where}: auth-provider credentials are not allowed")
        if cluster.value.get("insecure-skip-tls-verify", False):
            found.append(f"{where}: insecure-skip-tls-verify is not allowed")
        return tuple(found)

    def entries(self) -> tuple[Entry, Entry, Entry]:
        """The context, its cluster and its user (empty when it names none)."""
        documents = _documents(self.kubeconfig)
        context = _named(documents, "contexts", self.name)
        if context is None:
            known = sorted({str(item.get("name")) for _, root in documents for item in _items(root, "contexts")})
            raise KubeconfigError(
                f"{self.kubeconfig}: no context `{self.name}`; it has: {', '.join(known) if known else 'none'}"
            )
        cluster = _named(documents, "clusters", str(context.value.get("cluster")))
        if cluster is None:
            raise KubeconfigError(
                f"{context.file}: context {self.name}: no cluster `{context.value.get('cluster')}` is there"
            )
        user = _named(documents, "users", str(context.value.get("user")))
        return context, cluster, user or Entry({}, context.file)


def _authorization(user: Entry) -> str:
    token, path = user.value.get("token"), user.value.get("tokenFile")
    if path:  # As in kubectl, the file wins over the inline token.
        try:
            token = (user.file.parent / str(path)).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise KubeconfigError(f"{user.file}: tokenFile {path}: {error.strerror}") from error
    if token:
        return f"Bearer {token}"
    if user.value.get("username"):
        pair = f"{user.value['username']}:{user.value.get('password') or ''}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return ""


def _documents(kubeconfig: str) -> Sequence[tuple[Path, Mapping[str, Any]]]:
    """The files of a kubeconfig path list that exist, parsed."""
    found: list[tuple[Path, Mapping[str, Any]]] = []
    for part in filter(None, kubeconfig.split(os.pathsep)):
        path = Path(part).expanduser()
        try:
            root = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue  # kubectl passes over missing files of the list too.
        except OSError as error:
            raise KubeconfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
        if not isinstance(root, Mapping):
            raise KubeconfigError(f"{path}: not a kubeconfig")
        found.append((path, root))
    if not found:
        raise KubeconfigError(f"{kubeconfig}: no such file")
    return found


def _items(root: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    items = root.get(section)
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _named(documents: Sequence[tuple[Path, Mapping[str, Any]]], section: str, name: str) -> Entry | None:
    for path, root in documents:
        for item in _items(root, section):
            if item.get("name") == name:
                value = item.get(section.removesuffix("s"))
                return Entry(value if isinstance(value, Mapping) else {}, path)
    return None
