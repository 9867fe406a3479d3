"""The loop of emergencies: looks at the nodes and services of an environment while one is on, and edits its card.

Starts from the rows; what a look means is kept by bot.usecases.emergency.
"""

from bot.context import Context
from bot.domain.emergency import Emergency
from bot.reconcile.loop import Crew
from bot.store import emergencies
from bot.usecases.emergency import observe

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

    async def _look(self, emergency: Emergency) -> None:
        await observe(self._ctx, emergency)
