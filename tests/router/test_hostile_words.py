"""Words that want to be paths, programs, templates or documents, given to every command that there is."""

import itertools

import pytest

from bot.domain.catalog import Catalog, Environment, Service, WorkloadKind, WorkloadRef
from bot.domain.images import is_tag
from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.words import split
from bot.errors import UserError
from bot.router.binding import FieldKind, bind, bind_form
from handlers import router

STG, ADMIN = EnvironmentName("stg"), ServiceName("admin")
CATALOG = Catalog(
    {name: Environment(name, None, None) for name in (STG, EnvironmentName("prd"))},
    {
        name: Service(name, WorkloadRef(name, WorkloadKind.DEPLOYMENT, name), name, f"registry.example.com/{name}")
        for name in (ADMIN, ServiceName("web"))
    },
)
PATHS = [
    "../admin", "../../etc/passwd", "..", ".", "./admin", "/etc/passwd", "/admin", "//admin", "admin/", "admin/..",
    "admin/../web", "stg/../prd", "..\\admin", "C:\\admin", "file:///etc/passwd", "~/admin", "~root", "$HOME/admin",
    "%2e%2e%2fadmin", "..%2fadmin", "..;/admin", "admin%00", "admin\x00.yaml", "．．／admin", "‥/admin", "admin#x",
    "/proc/self/environ", "/dev/stdin", "\\\\host\\share", "admin\n../x",
]  # fmt: skip
PROGRAMS = [
    "; rm -rf /", "$(reboot)", "`reboot`", "| cat /etc/passwd", "&& reboot", "> /etc/x", "--help", "-rf", "--", "-",
    "--upload-pack=touch x", "-oProxyCommand=x", "$IFS", "${IFS}", "${PATH}", "%COMSPEC%", "\\$(x)", "'$(x)'",
]  # fmt: skip
TEMPLATES = [
    "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{0.__class__}", "{0.__class__.__mro__}", "{environment}", "%(name)s",
    "{{config}}", "{{''.__class__.__mro__[1].__subclasses__()}}", "{{self._TemplateReference__context}}", "{who}",
]  # fmt: skip
DOCUMENTS = ["!!python/object/apply:os.system", "&a [*a]", "<<: *x", "<!DOCTYPE x>", "---", "a: 1", '{"a": 1}', "[x]"]
CORPUS = [*PATHS, *PROGRAMS, *TEMPLATES, *DOCUMENTS]
PLACES: dict[str, set[str]] = {"environment": set(CATALOG.environments), "service": set(CATALOG.services)}


@pytest.mark.parametrize("name", router.commands)
def test_no_command_takes_a_name_that_is_not_in_the_catalogue(name: str) -> None:
    command = router.commands[name]
    kinds = {field.name: field.kind for field in command.fields}
    for text, place in itertools.product(CORPUS, ("{}", "stg {}", "{} admin", "stg admin {}", "stg admin 1.4.2 {}")):
        words = split(place.replace("{}", text))
        try:
            bound = bind(command.fields, words, CATALOG, usage=command.usage)
        except UserError:
            continue
        for field, known in PLACES.items():
            assert field not in bound or bound[field] in known, (text, place)
        for field, value in bound.items():
            if kinds[field] is FieldKind.VERSION:
                assert is_tag(value), (text, place)


@pytest.mark.parametrize("name", [name for name, command in router.commands.items() if command.has_form])
def test_no_form_takes_one_either(name: str) -> None:
    fields = router.commands[name].fields
    for text in CORPUS:
        bound, errors = bind_form(fields, {field.name: text for field in fields}, CATALOG)
        for place, known in PLACES.items():
            assert place not in bound or place in errors or bound[place] in known, text
