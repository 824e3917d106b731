"""Which row each block stands in: after all that it depends on, links as short as may be."""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import Block, Link


def ranks_of(blocks: Sequence[Block], links: Sequence[Link]) -> dict[str, int]:
    """The row of each block, from 0.

    The longest path from a source gives each block its first possible row. A block with more
    links out than in (a parameter, say) then moves as far down as the blocks that use it allow,
    which makes its links shorter.

    Args:
        blocks: In an order in which every link points forwards.
        links: Between them.
    """
    sources: dict[str, set[str]] = {block.key: set() for block in blocks}
    users: dict[str, set[str]] = {block.key: set() for block in blocks}
    for link in links:
        sources[link.target].add(link.source)
        users[link.source].add(link.target)
    ranks: dict[str, int] = {}
    for block in blocks:
        ranks[block.key] = max((ranks[key] + 1 for key in sources[block.key]), default=0)
    for block in reversed(blocks):
        if len(users[block.key]) > len(sources[block.key]):
            ranks[block.key] = min(ranks[key] for key in users[block.key]) - 1
    first = min(ranks.values(), default=0)
    return {key: rank - first for key, rank in ranks.items()}
