"""One feature, one file, named for what people type or see. `router` is all of them."""

from bot.router import Router
from handlers import (
    abort,
    alerts,
    approvals,
    audit,
    canary,
    deploy,
    emergency,
    freezes,
    help,
    jobs,
    locks,
    oncall,
    pods,
    queue,
    releases,
    rollback,
    status,
    whoami,
)

router = Router().include(
    deploy.router,
    canary.router,
    rollback.router,
    status.router,
    releases.router,
    pods.router,
    jobs.router,
    alerts.router,
    oncall.router,
    abort.router,
    approvals.router,
    audit.router,
    locks.router,
    queue.router,
    emergency.router,
    freezes.router,
    whoami.router,
    help.router,
)
