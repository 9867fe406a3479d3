"""The objects of an overlay: what may be applied, and which containers get the image."""

import pytest

from bot.domain.images import parse_repository
from bot.domain.manifests.objects import ALLOWED_KINDS, MOST_FAULTS, MOST_OBJECTS, Ref, check, containers_of, set_image

SHOP = parse_repository("registry.example.com/growlio/shop")


def manifest(kind="ConfigMap", name="a", api_version="", namespace="shop", metadata=None, **more):
    version = api_version or min(ALLOWED_KINDS.get(kind, {"v1"}))
    named = {"name": name, "namespace": namespace} | (metadata or {})
    return {"apiVersion": version, "kind": kind, "metadata": named, **more}


def faults(*objects) -> tuple[str, ...]:
    return check(objects, namespaces=["shop"])


@pytest.mark.parametrize("kind", sorted(ALLOWED_KINDS))
def test_these_kinds_are_applied_in_their_versions(kind):
    for version in ALLOWED_KINDS[kind]:
        assert faults(manifest(kind, api_version=version)) == ()
    assert "apiVersion example.com/v1" in faults(manifest(kind, api_version="example.com/v1"))[0]


@pytest.mark.parametrize(
    "kind",
    [
        "Secret", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Namespace", "CustomResourceDefinition",
        "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "APIService", "Pod", "Node", "PersistentVolume",
        "List", "ConfigMapList", "deployment", "Application", "PriorityClass", "StorageClass", "Gateway", "Lease",
    ],
)  # fmt: skip
def test_no_other_kind_is(kind):
    assert faults(manifest(kind)) == (f"{kind}/a is of a kind that is not applied from here",)


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        ((), "renders to nothing"),
        ((manifest(namespace="kube-system"),), "ConfigMap/a is in the namespace kube-system; the service's is shop"),
        ((manifest(namespace=""),), "ConfigMap/a names no namespace"),
        ((manifest(namespace=None),), "ConfigMap/a names no namespace"),
        ((manifest(name=""),), "ConfigMap 1 has no name"),
        ((manifest(name=7),), "ConfigMap 1 has no name"),
        ((manifest(name="a/../b"),), "has a name that Kubernetes does not take"),
        ((manifest(name="a\nb"),), "has a name that Kubernetes does not take"),
        ((manifest(metadata={"generateName": "a-"}),), "has generateName"),
        ((manifest(), manifest()), "ConfigMap/a is there twice"),
        ((manifest("Ingress"), manifest("Ingress")), "Ingress/a is there twice"),
        ((manifest(status={}),), "ConfigMap/a has a status"),
        ((manifest(metadata={"ownerReferences": []}),), "has metadata.ownerReferences"),
        ((manifest(metadata={"finalizers": ["x"]}),), "has metadata.finalizers"),
        ((manifest(metadata={"uid": "1"}),), "has metadata.uid"),
        ((manifest(metadata={"resourceVersion": "1"}),), "has metadata.resourceVersion"),
        (({"apiVersion": "v1"},), "object 1 has no kind or no metadata"),
        (({"kind": "Service", "metadata": []},), "object 1 has no kind or no metadata"),
        (tuple(manifest(name=f"a{n}") for n in range(MOST_OBJECTS + 1)), f"renders to {MOST_OBJECTS + 1} objects"),
    ],
)  # fmt: skip
def test_what_keeps_objects_from_being_applied_is_told_in_plain_words(objects, told):
    assert told in faults(*objects)[0]


def test_what_kustomize_itself_writes_is_no_fault():
    assert faults(manifest(metadata={"creationTimestamp": None})) == ()


def test_many_faults_are_told_with_how_many_more_there_are():
    told = faults(*(manifest("Secret", name=f"s{n}") for n in range(50)))
    assert len(told) == MOST_FAULTS + 1
    assert told[-1] == "and 30 more"


def test_a_ref_reads_as_people_write_it():
    ref = Ref.of(manifest("Deployment", "admin"))
    assert (str(ref), ref) == ("Deployment/admin", Ref("apps/v1", "Deployment", "shop", "admin"))
    assert Ref.of({"metadata": 1}) == Ref("", "", "", "")


def pod(*images, init=()):
    return {
        "initContainers": [{"name": f"i{n}", "image": image} for n, image in enumerate(init)],
        "containers": [{"name": f"c{n}", "image": image} for n, image in enumerate(images)],
    }


def images_of(manifests) -> list[str | None]:
    return [container.get("image") for each in manifests for container in containers_of(each)]


def test_the_image_is_set_in_every_container_of_its_repository_and_in_no_other():
    at = "registry.example.com/growlio/shop@sha256:" + "a" * 64
    given = (
        manifest(
            "Deployment", spec={"template": {"spec": pod(f"{SHOP}:1", "envoy:1", init=[f"{SHOP}@sha256:{'b' * 64}"])}}
        ),
        manifest("CronJob", spec={"jobTemplate": {"spec": {"template": {"spec": pod(str(SHOP))}}}}),
        manifest("Job", spec={"template": {"spec": pod(f"evil.example.com/{SHOP}:1", f"{SHOP}-x:1", "a b", None)}}),
        manifest(data={"image": f"{SHOP}:1"}),
        manifest("StatefulSet", spec={"template": {"spec": {"containers": "none"}}}),
    )
    before = repr(given)
    changed, count = set_image(given, SHOP, at)
    assert count == 3
    assert images_of(changed) == [at, at, "envoy:1", at, f"evil.example.com/{SHOP}:1", f"{SHOP}-x:1", "a b", None]
    assert repr(given) == before, "what was given stays as it is"
    assert set_image(given, parse_repository("registry.example.com/other"), at)[1] == 0
