"""The orders of the epochs to come, drawn while an epoch runs as machine code."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .plan import Plan

AT_ONCE = 2**14
"""Rows whose order is drawn at once: enough to make the calls cheap, few enough to keep."""


class Orders:
    """`Plan.order` of one epoch after another, drawn ahead by a helper thread.

    The helper draws the next epochs while compiled code, which does not hold Python up, runs the
    present one. For an epoch out of turn it is drawn at once.

    Args:
        plan: How the run visits the rows.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[int, Any] = {}
        self._helper: ThreadPoolExecutor | None = None
        self._coming: tuple[int, Future[list[Any]]] | None = None

    def of(self, epoch: int) -> Any:
        """The rows of an epoch in the order in which they are visited; None for as they lie."""
        if self._plan.lies_in_order:
            return None
        if epoch not in self._known:
            first, orders = epoch, None
            if self._coming is not None and self._coming[0] == epoch:
                orders = self._coming[1].result()
            if orders is None:
                orders = self._plan.orders(epoch, 1)
            self._known = dict(enumerate(orders, first))
            self._draw_ahead(first + len(orders))
        return self._known[epoch]

    def _draw_ahead(self, first: int) -> None:
        count = min(max(AT_ONCE // len(self._plan.rows), 1), self._plan.epochs + 1 - first)
        self._coming = None
        if count > 0:
            if self._helper is None:
                self._helper = ThreadPoolExecutor(1, "pullback-orders")
            self._coming = first, self._helper.submit(self._plan.orders, first, count)

    def close(self) -> None:
        """End the helper thread."""
        if self._helper is not None:
            self._helper.shutdown(wait=True, cancel_futures=True)
            self._helper = self._coming = None
