"""What a drain would break, and what is missing before an emergency can end."""

from bot.domain.emergency import Node, Scene, Standing, kubelets, missing, risks
from bot.domain.names import ServiceName

FINE = Node("node-0", "v1.32.4", ready=True)
ADMIN, WEB, JOBS = ServiceName("admin"), ServiceName("web"), ServiceName("report")


def scene(*services: Standing, nodes: tuple[Node, ...] = (FINE,)) -> Scene:
    return Scene(nodes=nodes, services=services)


def test_one_replica_a_stuck_budget_and_a_single_node_are_named_in_this_order() -> None:
    found = risks(
        scene(
            Standing(ADMIN, 3, ready=3, nodes=("node-0",)),
            Standing(WEB, 2, ready=2, nodes=("node-0", "node-1"), stuck=("web-budget",)),
            Standing(JOBS, 1, ready=1, nodes=("node-1",)),
        )
    )
    assert [risk.service for risk in found] == [JOBS, WEB, ADMIN]
    assert "one replica" in found[0].text
    assert "web-budget" in found[1].text
    assert "all its 3 ready pods on node-0" in found[2].text


def test_a_service_spread_over_nodes_a_daemon_and_a_cronjob_are_no_risk() -> None:
    spread = Standing(ADMIN, 2, ready=2, nodes=("node-0", "node-1"))
    daemon = Standing(WEB, 1, ready=1, nodes=("node-0",), stuck=("all",), is_daemon=True)
    assert risks(scene(spread, daemon, Standing(JOBS, None))) == ()


def test_the_end_waits_for_nodes_and_services_and_for_those_that_can_not_be_asked() -> None:
    left = missing(
        scene(
            Standing(ADMIN, 3, ready=1),
            Standing(WEB, None, problem="no answer in time"),
            nodes=(
                FINE,
                Node("node-1", "v1.32.4", ready=False, cordoned=True),
                Node("node-2", "v1.31.9", ready=True, cordoned=True, pods=4),
                Node("node-3", "v1.31.9", ready=True, deleting=True),
            ),
        )
    )
    assert left == [
        "Node node-1 is not ready.",
        "Node node-2 is cordoned; 4 pods are still on it.",
        "Node node-3 is being removed.",
        "admin has 1 of 3 pods ready.",
        "web can't be asked: no answer in time.",
    ]


def test_without_the_right_to_see_nodes_services_alone_decide() -> None:
    ready = (Standing(ADMIN, 2, ready=2),)
    assert missing(Scene(nodes_unseen="nodes is forbidden", is_forbidden=True, services=ready)) == []
    assert missing(Scene(nodes_unseen="no answer", services=ready)) == ["The nodes can't be seen: no answer."]


def test_kubelets_are_counted_by_version_in_the_order_of_versions() -> None:
    nodes = [Node(str(n), version, ready=True) for n, version in enumerate(["v1.32.4", "v1.9.0", "v1.32.4"])]
    assert kubelets(nodes) == [("v1.9.0", 1), ("v1.32.4", 2)]
