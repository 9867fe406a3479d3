"""On call: who answers for a service, and when whom to call. Pure; learnt and carried out by bot.usecases.oncall and
bot.reconcile.oncall."""

from bot.domain.oncall.duty import Duty, Line, OnCallPlan, Responder
from bot.domain.oncall.watch import (
    ANSWER_WITHIN,
    AskOwner,
    Call,
    End,
    Exhausted,
    HandBack,
    Situation,
    Step,
    Wait,
    Watch,
    after,
    decide,
)

__all__ = [
    "ANSWER_WITHIN",
    "AskOwner",
    "Call",
    "Duty",
    "End",
    "Exhausted",
    "HandBack",
    "Line",
    "OnCallPlan",
    "Responder",
    "Situation",
    "Step",
    "Wait",
    "Watch",
    "after",
    "decide",
]
