"""Why new pods do not come up, told in plain words with the usual remedy.

`troubles` is called by the release loop with each observation. Its readers by cause: `pulls` (images), `starts`
(containers that do not start or do not stay), `placement` (nodes, volumes, quotas).
"""

from bot.domain.troubles.finding import troubles

__all__ = ["troubles"]
