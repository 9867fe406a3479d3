"""Image references: what the OCI grammar takes and refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.images import (
    BadImageReference,
    ImageRepository,
    deployable,
    digest_of,
    is_moving,
    parse_image,
    parse_repository,
    version_of,
    without_digest,
)

SHA = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "host", "path", "tag", "digest"),
    [
        ("registry.example.com/growlio/admin:1.4.2", "registry.example.com", "growlio/admin", "1.4.2", None),
        ("registry.example.com:5000/growlio/admin", "registry.example.com:5000", "growlio/admin", None, None),
        ("nginx", "docker.io", "library/nginx", None, None),
        ("growlio/admin:latest", "docker.io", "growlio/admin", "latest", None),
        ("localhost/a", "localhost", "a", None, None),
        ("localhost:5000/a/b/c:v1", "localhost:5000", "a/b/c", "v1", None),
        ("[::1]:5000/a:v1", "[::1]:5000", "a", "v1", None),
        (f"a/b@{SHA}", "docker.io", "a/b", None, SHA),
        (f"r.io/a:1@{SHA}", "r.io", "a", "1", SHA),
        ("Registry.Example.com/a", "registry.example.com", "a", None, None),
        ("index.docker.io/library/nginx", "docker.io", "library/nginx", None, None),
        # A host without a dot needs a port: otherwise it is a part of Docker Hub's path, as docker has it.
        ("registry/a", "docker.io", "registry/a", None, None),
        ("evil.io/x", "evil.io", "x", None, None),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text, host, path, tag, digest):
    reference = parse_image(text)
    assert (reference.host, reference.path, reference.tag, reference.digest) == (host, path, tag, digest)
    assert parse_image(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "a:",
        "a@",
        "repo:tag@evil",
        "repo@sha256:abc",
        "repo@sha256:" + "A1" * 32,
        "repo@md5:" + "a1" * 16,
        f"repo@{SHA}@{SHA}",
        f"repo@{SHA}:1",
        "Upper",
        "a/Upper",
        "a//b",
        "a/b/",
        "/a",
        "../a",
        "a/../b",
        "a/./b",
        "a b",
        " a",
        "a\n",
        "a:1\n",
        "a:1 ",
        "a:-1",
        "a:.1",
        "a:" + "1" * 129,
        "host.io:99999/a",
        "host.io:0/a",
        "host.io:/a",
        "http://host.io/a",
        "user@host.io/a",
        "host.io/a:1/b",
        "-host.io/a",
        "host_.io/a",
        "é.io/a",
        "a/é",
        "１２/a",
        "a:１",
        "a___b",
        "a..b",
        "a-",
        "a_",
        "a" * 256,
        "A/0",
        "a1" * 32,
        "a\u200bb",
        "a\x00b",
        "a%2fb",
        "a\\b",
        "a?b",
        "a#b",
        "a:tag?x=1",
    ],
)
def test_a_trick_is_refused(text):
    with pytest.raises(BadImageReference):
        parse_image(text)


@pytest.mark.parametrize("text", ["registry.example.com/a:1", f"registry.example.com/a@{SHA}"])
def test_a_repository_has_neither_tag_nor_digest(text):
    with pytest.raises(BadImageReference, match="no tag and no digest"):
        parse_repository(text)


def test_a_repository_gives_the_image_of_a_tag_and_refuses_what_is_no_tag():
    repository = parse_repository("registry.example.com/growlio/admin")
    assert str(repository.at("1.4.2")) == "registry.example.com/growlio/admin:1.4.2"
    with pytest.raises(BadImageReference, match="no image tag"):
        repository.at("1.4.2@sha256:x")


def test_two_spellings_of_one_repository_are_equal():
    assert parse_image("nginx:1").repository == ImageRepository("docker.io", "library/nginx")
    assert parse_image("docker.io/nginx:1").repository == parse_image("registry-1.docker.io/library/nginx").repository


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_and_what_is_read_reads_the_same_again(text):
    try:
        reference = parse_image(text)
    except BadImageReference as error:
        told = str(error)
    else:
        assert parse_image(str(reference)) == reference
        return
    assert told.isprintable()


@given(st.text(alphabet="ab0.:/@-_A[]", max_size=40))
def test_text_of_the_grammars_own_signs_is_read_or_refused(text):
    try:
        reference = parse_image(text)
    except BadImageReference:
        return
    assert parse_image(str(reference)) == reference
    assert "/" not in (reference.tag or "")
    assert not set(reference.path) & set(":@[] ")


# What may be released

ADMIN = parse_repository("registry.example.com:5000/growlio/admin")
AT = "registry.example.com:5000/growlio/admin"
GOOD = [
    f"{AT}:1.4.2",
    f"{AT}:v1.4.2",
    f"{AT}:1.4.2@{SHA}",
    f"{AT}:1.4.2@sha512:{'b2' * 64}",
    f"{AT}:20260131",
    f"{AT}:sha-1f3c9a2",
    f"{AT}:_private",
    f"{AT}:latest@{SHA}",
    "REGISTRY.example.com:5000/growlio/admin:1.4.2",
    f"{AT}:{'1' * 128}",
]
BAD = [
    # another registry, port or repository
    "evil.io/x",
    "evil.io/x:1.4.2",
    "evil.io/growlio/admin:1.4.2",
    "evil.io:5000/growlio/admin:1.4.2",
    "growlio/admin:1.4.2",
    "admin:1.4.2",
    "registry.example.com/growlio/admin:1.4.2",
    "registry.example.com:5001/growlio/admin:1.4.2",
    "registry.example.com:05000/growlio/admin:1.4.2",
    "registry.example.com.evil.io:5000/growlio/admin:1.4.2",
    "registry.example.com:5000.evil.io/growlio/admin:1.4.2",
    "registry.example.com:5000@evil.io/growlio/admin:1.4.2",
    f"{AT}/x:1.4.2",
    f"{AT}x:1.4.2",
    "registry.example.com:5000/growlio:1.4.2",
    "registry.example.com:5000/growlio/web:1.4.2",
    "registry.example.com:5000/growlio/admin-canary:1.4.2",
    "registry.example.com:5000/evil/growlio/admin:1.4.2",
    "registry.example.com:5000//growlio/admin:1.4.2",
    "registry.example.com:5000/growlio/../evil/admin:1.4.2",
    "registry.example.com:5000/./growlio/admin:1.4.2",
    "registry.example.com:99999/growlio/admin:1.4.2",
    "registry.example.com:/growlio/admin:1.4.2",
    f"https://{AT}:1.4.2",
    f"docker://{AT}:1.4.2",
    f"user:secret@{AT}:1.4.2",
    # upper case, other scripts, white space, control characters
    "registry.example.com:5000/Growlio/admin:1.4.2",
    "registry.example.com:5000/growlio/ADMIN:1.4.2",
    "registry.example.com:5000/growlio/аdmin:1.4.2",
    f"{AT}:1.4.２",
    f" {AT}:1.4.2",
    f"{AT}:1.4.2 ",
    f"{AT}:1.4.2\n",
    f"{AT}:1.4.2\x00",
    f"{AT}:1 .4",
    # tags that are none, or move
    AT,
    f"{AT}:",
    f"{AT}:-1",
    f"{AT}:.1",
    f"{AT}:1/2",
    f"{AT}:1:2",
    f"{AT}:{'1' * 129}",
    f"{AT}:1.4.2;rm",
    f"{AT}:$(id)",
    f"{AT}:latest",
    f"{AT}:LATEST",
    f"{AT}:stable",
    f"{AT}:main",
    # digests
    f"{AT}@{SHA}",
    f"{AT}:1.4.2@evil",
    f"{AT}:1.4.2@",
    f"{AT}:1.4.2@sha256:abc",
    f"{AT}:1.4.2@{SHA.upper()}",
    f"{AT}:1.4.2@md5:{'a1' * 16}",
    f"{AT}:1.4.2@{SHA}@{SHA}",
    f"{AT}@{SHA}:1.4.2",
    f"{AT}:1.4.2@{SHA}0",
    "",
    ":",
    "@",
]


def test_the_table_has_sixty_references_and_more() -> None:
    assert len(GOOD) + len(BAD) >= 60
    assert len({*GOOD, *BAD}) == len(GOOD) + len(BAD)


@pytest.mark.parametrize("text", GOOD)
def test_an_image_of_the_services_own_repository_may_be_released(text: str) -> None:
    assert deployable(text, ADMIN).repository == ADMIN


@pytest.mark.parametrize("text", BAD)
def test_no_clever_reference_leads_out_of_the_services_repository(text: str) -> None:
    with pytest.raises(BadImageReference):
        deployable(text, ADMIN)


def test_where_images_are_taken_by_digest_a_tag_alone_is_not_enough() -> None:
    assert deployable(f"{AT}:1.4.2@{SHA}", ADMIN, by_digest=True).digest == SHA
    with pytest.raises(BadImageReference, match="no digest"):
        deployable(f"{AT}:1.4.2", ADMIN, by_digest=True)


def test_the_names_that_move_are_the_services_own_choice_but_for_latest() -> None:
    assert deployable(f"{AT}:main", ADMIN, moving=("trunk",)).tag == "main"
    assert is_moving("Trunk", ("trunk",))
    assert is_moving("latest", ("trunk",))


def test_a_version_reads_the_same_with_and_without_its_digest() -> None:
    assert version_of(f"{AT}:1.4.2@{SHA}") == version_of(f"{AT}:1.4.2") == "1.4.2"
    assert (digest_of(f"{AT}:1.4.2@{SHA}"), digest_of(f"{AT}:1.4.2"), digest_of("no image")) == (SHA, "", "")
    assert without_digest(f"{AT}:1.4.2@{SHA}") == f"{AT}:1.4.2"
