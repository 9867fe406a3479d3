"""The loop of emergencies: looks at the nodes and services of an environment while one is on, and edits its card.

Starts from the rows; says once when all is ready again, and once more when something broke in between.
"""

from dataclasses import replace

import structlog

from bot.cards.emergency import calm_note
from bot.context import Context
from bot.domain.emergency import Emergency, missing
from bot.reconcile.loop import Crew
from bot.store import emergencies, outbox
from bot.store.ids import new_id
from bot.usecases.emergency import channel_of, look, put_emergency, subject_of

log = structlog.get_logger()
LOOK_S = 5.0
"""Between two looks: some lists per namespace each, for an hour or two in which people watch the card."""
IDLE_S = 60.0


class EmergencyLoop:
    """Watches environments in emergency mode."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()

    async def turn(self) -> float:
        """Begin a look at each; seconds until the next."""
        async with self._ctx.database.read() as connection:
            found = await emergencies.open_ones(connection)
        for emergency in found:
            if emergency.environment in self._ctx.catalog.environments and emergency.id not in self.crew:
                self.crew.start(emergency.id, self._look(emergency), then=lambda: None)
        return LOOK_S if found else IDLE_S

    async def _look(self, known: Emergency) -> None:
        ctx = self._ctx
        scene = await look(ctx, known.environment)
        is_calm = not missing(scene)
        if scene == known.scene and is_calm == known.calm_told:
            return
        async with ctx.database.write() as connection:
            fresh = await emergencies.get(connection, known.id)
            if fresh is None or fresh.ended_at is not None:
                return
            was_rough = fresh.scene is not None and bool(missing(fresh.scene))
            saved = await emergencies.save(connection, replace(fresh.seen(scene), calm_told=is_calm))
            if saved is None:
                return  # the next look decides again
            await put_emergency(ctx, connection, saved)
            if is_calm and was_rough and not fresh.calm_told:
                draft = outbox.Draft(
                    kind=outbox.OutboxKind.CARD,
                    channel=channel_of(ctx, saved),
                    body=calm_note(saved).body(),
                    subject=f"calm:{saved.id}:{new_id(ctx.clock())}",
                    thread_subject=subject_of(saved),
                )
                await outbox.add(connection, draft, now=ctx.clock())
        ctx.bells.outbox.ring()
