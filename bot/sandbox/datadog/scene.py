"""The monitors of the scene: what watches each simulated cluster, in windows short enough to see them fire and heal."""

from bot.sandbox.datadog.monitors import Measure, Monitor, State

FIRST_ID = 41_000_100
HANDLE = "@webhook-kajitori"
TEAM = "platform"
RUNBOOKS = "runbooks.growlio.example"
NO_DATA_S = 20.0
RENOTIFY_S = 120.0
HITS, ERRORS, REQUESTS = "trace.http.request.hits", "trace.http.request.errors", "trace.http.request"
RESTARTS = "kubernetes.containers.restarts"


def monitors_of(env: str, number: int) -> list[Monitor]:
    """Four monitors of one environment; `number` tells environments' ids apart."""
    is_real = env == "prd"
    first = FIRST_ID + 100 * number

    def tags(topic: str) -> tuple[str, ...]:
        return (f"env:{env}", f"team:{TEAM}", f"topic:{topic}")

    def message(says: str, runbook: str) -> str:
        return f"{says}\nRunbook: https://{RUNBOOKS}/{runbook}\n{HANDLE}"

    return [
        Monitor(
            id=first + 1, key=f"{env}/errors", name=f"Many requests fail in {env}", env=env,
            measure=Measure.ERROR_RATE, metric=ERRORS,
            query=f"sum(last_20s):sum:{ERRORS}{{env:{env}}} by {{service}}.as_count() / "
            f"sum:{HITS}{{env:{env}}} by {{service}}.as_count() * 100 > 3",
            critical=3.0, warning=1.0, unit="%", window_s=20.0, tags=tags("errors"), priority=1 if is_real else 3,
            message=message("People see errors.", "errors"), notify_no_data=True, no_data_s=NO_DATA_S,
            renotify_s=RENOTIFY_S, escalation_message="Requests still fail.",
        ),
        Monitor(
            id=first + 2, key=f"{env}/latency", name=f"p99 latency is high in {env}", env=env,
            measure=Measure.P99, metric=REQUESTS,
            query=f"avg(last_20s):p99:{REQUESTS}{{env:{env}}} by {{service}} > 0.3",
            critical=0.3, warning=0.2, unit="s", window_s=20.0, tags=tags("latency"), priority=2 if is_real else 3,
            message=message("Pages are slow for one in a hundred.", "latency"),
            renotify_s=RENOTIFY_S, escalation_message="Pages are still slow.",
        ),
        Monitor(
            id=first + 3, key=f"{env}/restarts", name=f"Containers restart in {env}", env=env,
            measure=Measure.RESTARTS, metric=RESTARTS,
            query=f"change(sum(last_1m),last_1m):sum:{RESTARTS}{{env:{env}}} by {{service}} > 3",
            critical=3.0, warning=1.0, window_s=60.0, tags=tags("restarts"), priority=3 if is_real else 4,
            message=message("Containers die and come back.", "restarts"),
        ),
        Monitor(
            id=first + 4, key=f"{env}/traffic", name=f"No requests reach {env}", env=env,
            measure=Measure.HITS, metric=HITS,
            query=f"sum(last_15s):sum:{HITS}{{env:{env}}}.as_rate() < 1",
            critical=1.0, warning=None, above=False, is_multi=False, unit="/s", window_s=15.0, tags=tags("traffic"),
            priority=1 if is_real else 2, message=message("Nobody reaches us.", "traffic"),
            renotify_s=RENOTIFY_S, renotify_occurrences=3, renotify_states=(State.ALERT,),
            escalation_message="Still nobody reaches us.",
        ),
    ]  # fmt: skip
