"""The turnstile: one at a time, urgent first, nobody for ever, and no turn lost to a cancellation."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.turnstile import URGENT_IN_A_ROW, Turnstile


async def test_the_urgent_go_first_and_each_kind_in_its_order() -> None:
    turnstile, order = Turnstile(), list[str]()

    async def pass_through(name: str, *, urgent: bool) -> None:
        await turnstile.acquire(urgent=urgent)
        order.append(name)
        turnstile.release()

    await turnstile.acquire(urgent=False)
    tasks = [asyncio.create_task(pass_through(name, urgent=name.startswith("u"))) for name in ("o1", "u1", "o2", "u2")]
    await asyncio.sleep(0)
    turnstile.release()
    await asyncio.gather(*tasks)
    assert order == ["u1", "u2", "o1", "o2"]


async def test_a_crowd_of_urgent_ones_lets_an_ordinary_one_through() -> None:
    turnstile, order = Turnstile(), list[str]()

    async def pass_through(name: str, *, urgent: bool) -> None:
        await turnstile.acquire(urgent=urgent)
        order.append(name)
        turnstile.release()

    await turnstile.acquire(urgent=True)
    crowd = [asyncio.create_task(pass_through("u", urgent=True)) for _ in range(20)]
    crowd.append(asyncio.create_task(pass_through("o", urgent=False)))
    await asyncio.sleep(0)
    turnstile.release()
    await asyncio.gather(*crowd)
    assert order.index("o") <= URGENT_IN_A_ROW


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), max_size=30))
@settings(max_examples=100)
def test_never_two_at_once_and_never_stuck_whoever_gives_up(plan: list[tuple[bool, bool, int]]) -> None:
    async def story() -> None:
        turnstile, inside = Turnstile(), 0

        async def visit(urgent: bool, stay: int) -> None:
            nonlocal inside
            await turnstile.acquire(urgent=urgent)
            inside += 1
            try:
                assert inside == 1
                for _ in range(stay):
                    await asyncio.sleep(0)
            finally:
                inside -= 1
                turnstile.release()

        tasks = []
        for urgent, gives_up, steps in plan:
            task = asyncio.create_task(visit(urgent, steps))
            tasks.append(task)
            for _ in range(steps):
                await asyncio.sleep(0)
            if gives_up:
                task.cancel()
        async with asyncio.timeout(60):
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert not isinstance(result, AssertionError)
            await turnstile.acquire(urgent=False)

    asyncio.run(story())
