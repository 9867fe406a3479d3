"""Secrets in other people's text (log lines, error messages), replaced before anybody sees them.

Called wherever words of a cluster or an application go to chat. Over-redacts when in doubt, but leaves alone what
people need to find a fault: commit hashes, image digests, UUIDs, stack traces. Every pattern is linear: repetitions
are bounded or begin only where a word begins.
"""

import re
from re import Match

REDACTED = "‹redacted›"
ROUNDS = 4
"""One replacement may bring another to light; in practice the second round finds nothing."""


def redact(text: str) -> str:
    """`text` with secrets replaced by ‹redacted› and control characters and terminal colours removed. Idempotent.

    Give several lines at once where there are several: a private key is known by its first or last line.
    """
    text = _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    for _ in range(ROUNDS):
        cleaned = _once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def _once(text: str) -> str:
    text = _private_key_tails(_PRIVATE_KEY.sub(REDACTED, text))
    text = _TOKENS.sub(REDACTED, text)
    text = _USER_AT.sub(rf"\g<1>{REDACTED}\g<3>", text)
    text = _GO_DSN.sub(rf"\g<1>{REDACTED}\g<2>", text)
    text = _HEADER.sub(rf"\g<1>{REDACTED}", text)
    text = _SCHEME.sub(rf"\g<1>{REDACTED}", text)
    text = _ELEMENT.sub(rf"\g<1>{REDACTED}", text)
    text = _FLAG.sub(_flag, text)
    text = _PAIR.sub(_pair, text)
    return _NEAR.sub(rf"\g<1>{REDACTED}", text)


# Terminal escapes (colours, titles) before the other control characters, of which they are made.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\)?|[@-Z\\-_])")
# All of Cc but tab and newline, and what turns or hides text: zero-width and direction marks.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/=\s]*")


def _private_key_tails(text: str) -> str:
    """Keys whose first line is cut off: base64 lines up to the END line."""
    if not _PRIVATE_KEY_END.search(text):
        return text
    kept: list[str] = []
    for line in text.split("\n"):
        if (end := _PRIVATE_KEY_END.search(line)) is None:
            kept.append(line)
            continue
        while kept and len(kept[-1]) >= 8 and _BASE64_LINE.fullmatch(kept[-1]) and " " not in kept[-1].strip():
            kept.pop()
        kept.append(REDACTED + _PRIVATE_KEY_END.sub("", line[end.end() :]))
    return "\n".join(kept)


# Tokens that say what they are. Issuers' own documented prefixes.
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + "|".join(
        (
            r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}",  # Slack
            r"xapp-[A-Za-z0-9-]{8,}",
            r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])",  # AWS
            r"gh[pousr]_[A-Za-z0-9]{20,}",  # GitHub
            r"github_pat_[A-Za-z0-9_]{20,}",
            r"gl[a-z]{2,6}-[A-Za-z0-9_.\-]{16,}",  # GitLab
            r"AIza[A-Za-z0-9_\-]{30,}",  # Google
            r"ya29\.[A-Za-z0-9_.\-]{10,}",
            r"GOCSPX-[A-Za-z0-9_\-]{10,}",
            r"[spr]k_(?:live|test)_[A-Za-z0-9]{10,}",  # Stripe
            r"whsec_[A-Za-z0-9+/=]{16,}",
            r"eyJ[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*){0,3}",  # JSON Web Tokens
            r"npm_[A-Za-z0-9]{20,}",
            r"pypi-[A-Za-z0-9_\-]{20,}",
            r"rubygems_[0-9a-f]{20,}",
            r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{16,}",  # Docker Hub
            r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",  # SendGrid
            r"SK[0-9a-f]{32}(?![0-9a-f])",  # Twilio
            r"key-[0-9a-z]{32}(?![0-9a-z])",  # Mailgun
            r"xkeysib-[0-9a-f]{32,}[A-Za-z0-9-]*",  # Brevo
            r"sq0[a-z]{3}-[A-Za-z0-9_\-]{20,}",  # Square
            r"do[opr]_v1_[0-9a-f]{32,}",  # DigitalOcean
            r"shp[a-z]{2}_[0-9a-fA-F]{32}",  # Shopify
            r"hv[sbr]\.[A-Za-z0-9_\-]{20,}",  # Vault
            r"hf_[A-Za-z0-9]{20,}",
            r"sk-[A-Za-z0-9_\-]{20,}",
            r"dapi[0-9a-f]{32}",  # Databricks
            r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=\-]{40,}",  # Terraform
            r"ATATT3[A-Za-z0-9_=\-]{20,}",  # Atlassian
            r"NR(?:AK|JS|II|RA)-[A-Za-z0-9]{20,}",  # New Relic
            r"gls?[ac]_[A-Za-z0-9_+/=]{20,}",  # Grafana
            r"sntry[su]_[A-Za-z0-9_+/=\-]{20,}",  # Sentry
            r"dd(?:app|api)_[A-Za-z0-9]{16,}",  # Datadog
            r"(?:lin_api|phc|phx|sbp|pscale_tkn|pscale_pw|figd|dp\.pt\.|tskey-auth|CFPAT)[_\-.]?[A-Za-z0-9_\-]{20,}",
            r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
            r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{30,}",  # Telegram
            r"[MNO][A-Za-z0-9]{23,25}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,}",  # Discord
            r"PMAK-[A-Za-z0-9\-]{20,}",
            r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_\-]{8,}",
            r"outlook\.office\.com/webhook/[A-Za-z0-9/@_\-]{8,}",
            r"discord(?:app)?\.com/api/webhooks/[A-Za-z0-9/_\-]{8,}",
        )
    )
    + ")"
)

# user:password@ in a URL (the last @ of the word ends it, unless a port makes the colon innocent), and a bare token@.
_USER_AT = re.compile(
    r"(://[^\s/@:\"'<>]{0,200}:(?!\d{1,5}(?:[/?#\s]|$))|://(?=[^\s/@:\"'<>]{16,200}@))(?!‹redacted›@)"
    r"([^\s\"'<>]{1,400})(@)"
)
_GO_DSN = re.compile(r"((?<![^\s\"'=])[^\s:@/\"'=]{1,64}:)(?!‹redacted›@)[^\s@\"']{1,200}(@(?:tcp6?|unix|cloudsql)\()")

# The whole value, to the closing quote or the end of the line.
_HEADER = re.compile(
    r"((?<![A-Za-z])(?:(?:proxy-)?authorization|(?:set-)?cookie)\\{0,3}[\"']?[ \t]{0,3}(?:=>|[:=])[ \t]{0,3}"
    r"\\{0,3}[\"'\[]{0,2}"
    r"(?:(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|AWS4-HMAC-SHA256)[ \t]{1,3})?)"
    r"(?!‹redacted›)[^\"'\s\\][^\"'\n\\]*",
    re.IGNORECASE,
)
# `Bearer authentication` is no secret: a digit, a `=` or a hump in the word makes it one.
_SCHEME = re.compile(
    r"((?<![A-Za-z])(?:[Bb]earer|BEARER|[Bb]asic|BASIC)[ \t]{1,3})(?=\S{0,64}(?:[0-9=_]|[a-z][A-Z]))"
    r"(?!‹redacted›)[A-Za-z0-9._~+/=\-]{8,}"
)

_KEY = (
    r"(?:passw(?:or)?d|passphrase|passcode|[_\-.]pass|(?:db|user|my)pass|pwd"
    r"|secret(?:[_\-.]?(?:access[_\-.]?)?key(?:[_\-.]?base)?|[_\-.]?(?:value|id|string))?"
    r"|token(?:[_\-.]?(?:value|secret|key))?"
    r"|(?:api|app|application|access|private|auth|signing|encryption|shared|account|master|license|subscription|admin|rsa|ssh)"
    r"[_\-. ]?key(?:[_\-.]?id)?"
    r"|credentials?|session[_\-.]?id|(?:hmac|x-amz|x-hub|x-slack)[a-z0-9\-]{0,20}signature|[?&]sig(?:nature)?|[?&]code|otp|jwt)"
    r"[0-9]{0,2}"
)
_VALUE = (
    r"(?:\\{1,3}\"[^\"\n]*\"|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\\{0,3}[\"'][^\"'\n]*"
    r"|(?:[^\s\"'&;,<>)}\]\\]|[)}\]](?![\s\"',;)}\]]|$)|,(?=[^\s\"'])|&(?!\w{1,40}=)|;(?![\s\"']|$|[\w .]{1,40}=)"
    r"|\\(?![nrt\"']))+)"
)
_PAIR = re.compile(
    rf"(?P<key>{_KEY})(?P<quote>\\{{0,3}}[\"']?\]?)(?P<sep>[ \t]{{0,3}}(?:=>|:=|[:=])[ \t]{{0,3}})(?P<value>{_VALUE})",
    re.IGNORECASE,
)
_FLAG = re.compile(
    rf"(?P<head>(?<!\S)--?[a-z0-9\-]{{0,30}}(?:{_KEY})[ \t]{{1,3}})(?P<value>(?!-){_VALUE})", re.IGNORECASE
)
_ELEMENT = re.compile(rf"(<(?:[a-z0-9:_\-]{{0,30}})(?:{_KEY})>)(?!‹redacted›)[^<\n]+", re.IGNORECASE)
# A long random word soon after the name of a key: `api key is 0123…`, `DD_API_KEY 0123…`, `key=0123…`.
_NEAR = re.compile(
    rf"((?:{_KEY}[^\nA-Za-z0-9‹]{{1,5}}(?:(?:is|was|for|of|value|set|to|used)[^\nA-Za-z0-9‹]{{1,5}}){{0,2}}"
    r"|(?<![A-Za-z])key=))(?=[A-Za-z+/_\-]{0,100}[0-9])(?!sha256:)[A-Za-z0-9+/_=\-]{20,}",
    re.IGNORECASE,
)

# Values that are no secrets wherever they stand: nothing, masks, variables, the name itself passed on in code.
_HARMLESS = re.compile(
    r"(?:|null|none|nil|undefined|true|false|\*+|x{3,}|\.{3}|…|-|n/a|\[?<?\(?(?:redacted|filtered|masked|hidden|secret|unset|empty)\)?>?\]?"
    r"|\[(?:redacted|filtered|masked|hidden)|\$\{?\w+.*|\$\(.*|%s|%[dv]|\{\}?|\[|\||>|(?:self|this|os|env|process|config|settings|request|args)\..*"
    r"|(?:str|string|bytes|int|object|any|option(?:al)?)\b.*)",
    re.IGNORECASE,
)
# What follows `password:` in a sentence rather than in a configuration.
_PROSE = re.compile(
    r"(?:incorrect|invalid|required|missing|too|must|expired|wrong|can(?:not|'t)?|not|no|is|was|should|does|did|empty|failed"
    r"|unexpected|expected|authentication|permission|denied|the|a|an|please|unknown|unauthorized|got|use|user|error|rejected)\b.*",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[A-Za-z]{1,19}|[^\w\s]{1,3}")


def _pair(match: Match[str]) -> str:
    """A named value: replaced, unless it is plainly no secret."""
    key, quote, separator, value = match["key"], match["quote"], match["sep"], match["value"]
    bare = value.strip("\\\"'")
    if bare.startswith(REDACTED) or _HARMLESS.fullmatch(bare) or bare.lower() == key.lower().lstrip("_-.?&"):
        return match[0]
    if key.lower().startswith("pwd") and bare.startswith("/"):
        return match[0]  # The working directory in a dump of the environment.
    if separator.strip() == ":" and not quote and value == bare:
        begins_line = not match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()].strip(" \t-_.")
        if _PROSE.fullmatch(bare):
            return match[0]
        compound = match.start() > 0 and match.string[match.start() - 1] in "-_."
        if not (key.lower().startswith("pass") or begins_line or compound) and _LETTERS.fullmatch(bare):
            return match[0]  # `Unexpected token: punc`, `invalid secret: expired`
    return match[0][: match.start("value") - match.start()] + _in_quotes(value)


def _flag(match: Match[str]) -> str:
    """`--password value`."""
    bare = match["value"].strip("\\\"'")
    if bare.startswith(REDACTED) or _HARMLESS.fullmatch(bare):
        return match[0]
    return match["head"] + _in_quotes(match["value"])


def _in_quotes(value: str) -> str:
    """The replacement, between the quotes that stood around the value."""
    opening = value[: len(value) - len(value.lstrip("\\\"'"))]
    closing = value[len(value.rstrip("\\\"'")) :] if opening and len(value) > len(opening) else ""
    return opening + REDACTED + closing
