"""Words to arguments: any order that is unambiguous, and a refusal that names what was meant."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalog import Catalog, Environment, Service, Target, WorkloadKind, WorkloadRef
from bot.domain.names import (
    AlertRef,
    EnvironmentName,
    Prose,
    Reason,
    ReleaseRef,
    ServiceName,
    Span,
    UserId,
    Version,
)
from bot.domain.words import split
from bot.errors import UserError
from bot.router import Call, Reply, bind, bind_form
from bot.router.binding import TAG, fields_of


def catalog(environments: tuple[str, ...] = ("stg", "prd"), services: tuple[str, ...] = ("admin", "web")) -> Catalog:
    return Catalog(
        {EnvironmentName(name): Environment(EnvironmentName(name), None, None) for name in environments},
        {
            ServiceName(name): Service(
                ServiceName(name), WorkloadRef("ns", WorkloadKind.DEPLOYMENT, name), name, f"example.com/{name}"
            )
            for name in services
        },
    )


CATALOG = catalog()


async def _deploy(
    call: Call, environment: EnvironmentName, service: ServiceName, version: Version | None = None
) -> Reply:
    raise NotImplementedError


async def _status(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    raise NotImplementedError


async def _mute(call: Call, duration: Span, alert: AlertRef | None = None) -> Reply:
    raise NotImplementedError


async def _pass_on(call: Call, to: UserId, why: Prose) -> Reply:
    raise NotImplementedError


async def _close(call: Call, environment: EnvironmentName, duration: Span | None = None, *, reason: Reason) -> Reply:
    raise NotImplementedError


async def _approve(
    call: Call,
    environment: EnvironmentName | None = None,
    service: ServiceName | None = None,
    release: ReleaseRef | None = None,
) -> Reply:
    raise NotImplementedError


DEPLOY, STATUS = fields_of(_deploy), fields_of(_status)
MUTE, PASS_ON = fields_of(_mute), fields_of(_pass_on)
CLOSE, APPROVE = fields_of(_close), fields_of(_approve)
USAGE = "/deploy ENV SERVICE [VERSION]"


def bound(line: str, fields=DEPLOY, known: Catalog = CATALOG, context: Target | None = None) -> dict[str, str]:
    return bind(fields, split(line), known, usage=USAGE, context=context)


@pytest.mark.parametrize("words", list(permutations(["stg", "admin", "1.4.2"])))
def test_words_stand_in_any_order(words: tuple[str, ...]) -> None:
    assert bound(" ".join(words)) == {"environment": "stg", "service": "admin", "version": "1.4.2"}


def test_a_version_spelt_like_a_name_is_the_version_where_the_order_says_so() -> None:
    assert bound("stg admin web") == {"environment": "stg", "service": "admin", "version": "web"}
    assert bound("stg admin stg") == {"environment": "stg", "service": "admin", "version": "stg"}


def test_an_environment_and_a_service_of_one_name_are_told_apart_by_their_place() -> None:
    same = catalog(("web", "stg"), ("web", "admin"))
    assert bound("web web 1.0", known=same) == {"environment": "web", "service": "web", "version": "1.0"}
    assert bound("web admin", known=same) == {"environment": "web", "service": "admin"}
    assert bound("web stg", known=same) == {"environment": "stg", "service": "web"}


def test_what_may_be_left_out_may_be_left_out() -> None:
    assert bound("", STATUS) == {}
    assert bound("admin", STATUS) == {"service": "admin"}
    assert bound("PRD", STATUS) == {"environment": "prd"}


def test_a_threads_target_fills_in_what_is_left_out() -> None:
    here = Target(EnvironmentName("prd"), ServiceName("web"))
    assert bound("", context=here) == {"environment": "prd", "service": "web"}
    assert bound("2.0", context=here) == {"environment": "prd", "service": "web", "version": "2.0"}
    assert bound("admin", context=here) == {"environment": "prd", "service": "admin"}
    assert bound("stg 2.0", context=here) == {"environment": "stg", "service": "web", "version": "2.0"}


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("stg admn", "unknown_service", "No service `admn`. Did you mean `admin`?"),
        ("stgg admin", "unknown_environment", "No environment `stgg`. Did you mean `stg`?"),
        ("admin stgg", "unknown_environment", "No environment `stgg`. Did you mean `stg`?"),
        ("stg xyzzy", "unknown_service", "No service `xyzzy`."),
        ("stg", "usage", "Which service? Services: admin, web"),
        ("admin", "usage", "Which environment? Environments: stg, prd"),
        ("stg stg", "unknown_service", "No service `stg`."),
        ("stg admin 1/2", "bad_version", "`1/2` is no version."),
        ("stg admin --force", "bad_version", "`--force` is no version."),
        ("stg admin $(reboot)", "bad_version", "`$(reboot)` is no version."),
        ("stg admin 1.4.2; rm", "usage", "That is more than I understand: `rm`"),
        ("../stg admin", "unknown_environment", "No environment `../stg`."),
        ("stg /etc/passwd", "unknown_service", "No service `/etc/passwd`."),
        ("stg ../admin", "unknown_service", "No service `../admin`."),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_meant(line: str, code: str, text: str) -> None:
    with pytest.raises(UserError) as refused:
        bound(line)
    assert refused.value.code == code
    assert refused.value.text.startswith(text.removesuffix("."))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("1.4.2", True),
        ("v1", True),
        ("_x", True),
        ("a" * 128, True),
        ("a" * 129, False),
        (".1", False),
        ("-1", False),
        ("1.4.2\n", False),
        ("１", False),
        ("", False),
        ("a:b", False),
        ("a@sha256", False),
        ("a/b", False),
        ("é", False),
    ],
)
def test_a_version_is_an_image_tag(tag: str, fits: bool) -> None:
    assert bool(TAG.match(tag)) is fits


known_words = st.sampled_from(["stg", "prd", "admin", "web", "STG", "1.4.2", "--x", "<!channel>", "`", "é", "a/b"])
lines = st.lists(known_words | st.text(min_size=1, max_size=8), max_size=6).map(" ".join) | st.text(max_size=60)


def attempt(
    line: str, fields, known: Catalog, context: Target | None
) -> tuple[dict[str, str] | None, UserError | None]:
    try:
        return bound(line, fields, known, context), None
    except UserError as error:
        return None, error


@given(lines, st.sampled_from([DEPLOY, STATUS]), st.booleans())
def test_any_line_is_bound_to_known_names_or_refused_in_words(line: str, fields, in_thread: bool) -> None:
    context = Target(EnvironmentName("prd"), ServiceName("web")) if in_thread else None
    values, refusal = attempt(line, fields, CATALOG, context)
    if values is None:
        assert refusal is not None
        assert refusal.text
        assert refusal.hint
        return
    assert {field.name for field in fields if field.required} <= values.keys()
    assert values.get("environment", "stg") in CATALOG.environments
    assert values.get("service", "web") in CATALOG.services
    assert TAG.match(values.get("version", "1"))


@given(lines)
def test_names_that_both_lists_share_never_confuse_it(line: str) -> None:
    same = catalog(("stg", "admin", "web"), ("stg", "admin", "web"))
    for fields in (DEPLOY, STATUS):
        values, refusal = attempt(line, fields, same, None)
        assert (values is None) == (refusal is not None)


@given(st.dictionaries(st.sampled_from(["environment", "service", "version", "odd"]), st.text(max_size=12)))
def test_a_form_is_bound_or_told_at_its_fields(values: dict[str, str]) -> None:
    found, errors = bind_form(DEPLOY, values, CATALOG)
    assert not found.keys() & errors.keys()
    for name in ("environment", "service"):
        assert name in found or name in errors
    assert all(errors.values())


def test_a_handler_whose_words_nobody_knows_fails_at_the_start() -> None:
    async def odd(call: Call, count: int) -> Reply:
        raise NotImplementedError

    with pytest.raises(TypeError, match="no words are known for count"):
        fields_of(odd)


@pytest.mark.parametrize("words", ["30m a1f3", "a1f3 30m", "30M #a1f3"])
def test_a_duration_and_an_alert_are_told_apart(words: str) -> None:
    assert bound(words, MUTE) == {"duration": "30m", "alert": "a1f3"}


@pytest.mark.parametrize(
    ("word", "is_one"), [("1h30m", True), ("tomorrow", True), ("2d", True), ("30", False), ("", False)]
)
def test_a_duration_has_a_unit(word: str, is_one: bool) -> None:
    assert (MUTE[0].read(word, CATALOG) is not None) is is_one


def test_a_person_is_a_mention_and_all_the_rest_is_text() -> None:
    assert bound("@U0BOB it is the database again", PASS_ON) == {
        "to": "U0BOB",
        "why": "it is the database again",
    }
    with pytest.raises(UserError, match="`bob` is no person"):
        bound("bob please", PASS_ON)


def test_a_duration_that_is_none_is_refused_with_examples() -> None:
    with pytest.raises(UserError, match="`soon!` is no duration") as refused:
        bound("soon!", MUTE)
    assert "tomorrow" in refused.value.hint


@pytest.mark.parametrize(
    ("line", "duration", "reason"),
    [
        ("prd 45m upgrade", "45m", "upgrade"),
        ("prd upgrade 45m", "45m", "upgrade"),
        ("prd 2h upgrade of the database to 16", "2h", "upgrade of the database to 16"),
        ("prd upgrade of the database", None, "upgrade of the database"),
        ("prd upgrade", None, "upgrade"),
        ("PRD stg must stay as it is", None, "stg must stay as it is"),
    ],
)
def test_a_reason_is_all_the_words_that_nothing_else_takes(line: str, duration: str | None, reason: str) -> None:
    wanted = {"environment": "prd", "reason": reason}
    assert bound(line, CLOSE) == (wanted if duration is None else wanted | {"duration": duration})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prd", "Which reason?"),
        ("prd admin", "`admin` is no reason."),
        ("prod upgrade of it all", "No environment `prod`"),
        ("", "Which environment?"),
        ("prd 45m", "Which reason?"),
    ],
)
def test_where_a_reason_is_asked_for_its_absence_is_told(line: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        bound(line, CLOSE)
    assert said in refused.value.text


def test_a_release_is_called_by_the_end_of_its_id() -> None:
    assert bound("a1f3", APPROVE) == {"release": "A1F3"}
    assert bound("#a1f3", APPROVE) == {"release": "A1F3"}
    assert bound("prd admin", APPROVE) == {"environment": "prd", "service": "admin"}
    assert bound("admin", APPROVE) == {"service": "admin"}
    with pytest.raises(UserError):
        bound("a1u3", APPROVE)
