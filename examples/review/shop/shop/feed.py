"""Live prices for the shop window: one queue for each open browser."""

import asyncio

listeners: dict[str, asyncio.Queue] = {}


def open_window(window_id: str) -> asyncio.Queue:
    listeners[window_id] = asyncio.Queue()
    return listeners[window_id]


def close_window(window_id: str) -> None:
    listeners.pop(window_id, None)


async def announce(product_id: int, price_cents: int) -> None:
    for queue in listeners.values():
        await queue.put({"product": product_id, "price": price_cents})
