"""One line of a kustomization is changed as a person would, or none is."""

import pytest

from bot.domain.manifests.kustomization import with_tag

TEXT = """resources: [../../base]
images:
  - name: registry.example.com/growlio/shop
    newTag: {}  # released by hand
namespace: shop
"""


@pytest.mark.parametrize("written", ["1.4.2", '"1.4.2"', "'1.4.2'"])
def test_the_line_that_names_the_version_is_changed_and_nothing_else(written: str) -> None:
    assert with_tag(TEXT.format(written), "1.4.2", "1.4.1") == TEXT.format('"1.4.1"')


@pytest.mark.parametrize(
    "text",
    ["", TEXT.format("1.4.3"), TEXT.format("1.4.2") + TEXT.format("1.4.2"), TEXT.format("1.4.20"), "newTag: 1.4.2 x"],
)
def test_a_file_that_does_not_name_it_in_exactly_one_line_is_left_alone(text: str) -> None:
    assert with_tag(text, "1.4.2", "1.4.1") is None
