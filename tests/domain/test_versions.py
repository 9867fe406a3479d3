"""The order of tags: a total order that puts versions where people expect them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.versions import nearest, newest, sort_tags, tag_order

tags = st.one_of(
    st.from_regex(r"\Av?\d{1,3}(\.\d{1,3}){0,3}(-(rc|alpha|beta)\.?\d{0,2})?\Z"),
    st.from_regex(r"\A20\d\d-[01]\d-[0-3]\d(\.\d)?\Z"),
    st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z"),
    st.sampled_from(
        ["latest", "main", "sha-1f3c9a2", "1", "01", "1.0", "1.0.0", "v1.0.0", "1.0.0-rc1", "1.0.0_build5"]
    ),
)


@given(tags, tags)
def test_two_tags_are_equal_only_when_they_are_the_same_text(a, b):
    assert (tag_order(a) < tag_order(b)) + (tag_order(b) < tag_order(a)) + (a == b) == 1
    assert (tag_order(a) == tag_order(b)) is (a == b)


@given(st.lists(tags, min_size=3, max_size=3))
def test_the_order_is_transitive(three):
    for a, b, c in itertools.permutations(map(tag_order, three)):
        if a <= b and b <= c:
            assert a <= c


@given(st.lists(tags, max_size=12), st.randoms())
def test_the_order_of_listing_does_not_matter(listed, chance):
    shuffled = listed[:]
    chance.shuffle(shuffled)
    assert sort_tags(listed) == sort_tags(shuffled)
    assert newest(listed) == newest(shuffled)


@pytest.mark.parametrize(
    "rising",
    [
        ["1.2.9", "1.2.10", "1.3.0", "1.10.0", "2.0.0"],
        ["v1.9", "1.10", "v1.11.0"],
        # semver.org, 11.4
        ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-rc.1", "1.0.0"],
        ["1.4.2rc1", "1.4.2rc2", "1.4.2rc10", "1.4.2"],
        ["1.4.2-rc9", "1.4.2-rc10", "1.4.2"],
        ["2026-01-31", "2026-02-01", "2026-11-23"],
        ["20260131", "20260201", "20261123"],
        ["2026.1.31", "2026.2.1"],
        ["latest", "main", "sha-1f3c", "0.0.1"],
        ["1", "1.0", "1.0.0", "1.0.1"],
        ["1.4.2-alpine", "1.4.2"],
    ],
)
def test_tags_rise_as_people_read_them(rising):
    assert sort_tags(reversed(rising)) == rising


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (["1.3.9", "1.4.2", "1.4.10", "latest"], "1.4.10"),
        (["latest", "main", "sha-1f3c9a2"], None),
        ([], None),
        (["1.4.2", "1.5.0-rc1"], "1.4.2"),
        (["1.5.0-rc1", "1.5.0-rc2"], "1.5.0-rc2"),
        (["v2.0.0", "1.9.9"], "v2.0.0"),
        # A nightly build's date or a build counter is not newer than every version.
        (["1.4.2", "20261123", "517"], "1.4.2"),
        (["20261122", "20261123"], "20261123"),
        # A floating tag of the same number gives way to the exact one.
        (["2", "2.0", "2.0.0"], "2.0.0"),
        (["1" * 60, "1.0.0"], "1.0.0"),
    ],
)
def test_the_newest_is_a_release_and_never_a_floating_name(listed, expected):
    assert newest(listed) == expected


@given(st.lists(tags, max_size=12))
def test_the_newest_is_one_of_those_listed(listed):
    assert newest(listed) in [*listed, None]


REGISTRY = ["latest", "1.3.9", "1.4.0", "1.4.1", "1.4.2"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("1.4.3", ["1.4.2", "1.4.1", "1.4.0"]),
        ("v1.4.1", ["1.4.1", "1.4.2", "1.4.0"]),
        ("1.42", ["1.4.2", "1.4.1", "1.4.0"]),
        ("1.3.8", ["1.3.9", "1.4.2", "1.4.1"]),
        ("2.0.0", ["1.4.2", "1.4.1", "1.4.0"]),
        ("lastest", ["latest", "1.4.2", "1.4.1"]),
    ],
)
def test_near_tags_are_offered_best_first(wanted, expected):
    assert nearest(wanted, REGISTRY) == expected


@given(tags, st.lists(tags, max_size=12), st.integers(0, 5))
def test_near_tags_exist_and_are_not_the_one_that_does_not(wanted, listed, n):
    offered = nearest(wanted, listed, n)
    assert len(offered) <= n
    assert set(offered) <= set(listed) - {wanted}
