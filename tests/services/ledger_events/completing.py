"""What completion pays."""

from __future__ import annotations

from collections.abc import Iterator

from tests.services.ledger_events.scene import Scene, event


@event("completion of own lines")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_own()
    yield
    scene.complete()


@event("completion of a supplier's lines")
def _(scene: Scene) -> Iterator[None]:
    scene.offer(price=23_000, supply=15_000)
    scene.buy("HERB", price=23_000, quantity=2)
    scene.ship(f"supplier/{scene.market.supplier}")
    scene.deliver()
    yield
    scene.complete()


@event("completion of lines whose price does not cover their cost")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_at_a_loss()
    yield
    scene.complete()


@event("completion of a shop's sale")
def _(scene: Scene) -> Iterator[None]:
    scene.deliver_from_the_shop()
    yield
    scene.complete()
