"""The whole application, called as a server calls it."""

import attrs

from benchmarks.micro.exchanges import CLIENTS, Exchange
from benchmarks.micro.measuring import UnexpectedAnswerError, at_once, get_ready, numbers
from benchmarks.micro.service import MemoryService
from tbg.app import App


@attrs.frozen
class Whole:
    """One kind of request through all of an application.

    Attributes:
        differs: Whether each page that is answered differs from every other.
    """

    app: App
    exchange: Exchange
    service: MemoryService
    differs: bool = True

    async def batch(self) -> float:
        """Let a number of them be under way together, as in production, where each has a task of its own."""
        get_ready()
        self.service.prepare(self.exchange.at_once * self.exchange.pages if self.differs else 0)
        started = [self.exchange.start(number) for number in numbers(self.exchange.at_once)]
        spent = await at_once([(self.app, (each.scope, each.receive, each.send)) for each in started], len(started))
        if answered := {each.status for each in started} - {self.exchange.status}:
            raise UnexpectedAnswerError(f"was answered {sorted(answered)} instead of {self.exchange.status}")
        return spent


async def use_up(app: App, exchange: Exchange) -> None:
    """Let every client ask until it is refused, where one request is too much."""
    for _ in range(2):
        started = [exchange.start(number) for number in range(CLIENTS)]
        await at_once([(app, (each.scope, each.receive, each.send)) for each in started], CLIENTS)
