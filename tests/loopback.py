"""An HTTP server on 127.0.0.1 that speaks enough of the Anthropic Messages API to test against the real client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Body = dict[str, Any]
# The real service says what to wait in seconds; its client also understands milliseconds, which keeps tests fast.
SOON = {"retry-after": "0", "retry-after-ms": "1"}


@dataclass(frozen=True)
class Served:
    """One HTTP answer. A `body` that is a text is sent as it stands, for answers that are not even JSON."""

    body: Body | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Body], Served]


def message(text: str, stop_reason: str = "end_turn") -> Served:
    """A successful answer; a refusal may come without any content."""
    content = [{"type": "text", "text": text}] if text else []
    return Served(
        {
            "id": "msg_test",
            "type": "message",
            "role": "assistant",
            "model": "claude-test",
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 12, "output_tokens": 7},
        }
    )


def fault(status: int, kind: str, text: str) -> Served:
    """An error in the form of the API."""
    return Served({"type": "error", "error": {"type": kind, "message": text}}, status, SOON)


def rate_limited() -> Served:
    return fault(429, "rate_limit_error", "Number of requests has exceeded your rate limit.")


def overloaded() -> Served:
    return fault(529, "overloaded_error", "Overloaded")


def prefill_refused() -> Served:
    """What Claude 4.6 and later say to a request that ends in an assistant turn."""
    return fault(
        400,
        "invalid_request_error",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    )


def torn() -> Served:
    """A success whose JSON breaks off."""
    return Served('{"id": "msg_test", "type": "mess')


def turns_of(body: Body) -> list[tuple[str, str]]:
    """The turns of a request as (speaker, text)."""
    return [(m["role"], _text(m["content"])) for m in body["messages"]]


def _text(content: str | list[Body]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def flaky(script: Script, seed: int, *, limited: float, malformed: float) -> Script:
    """`script` with a rate of 429 and 529 answers, and one of malformed answers.

    What happens to a request depends on the seed, its text and how often it came before, but not on what else is
    under way; so a run is the same every time, whatever order requests arrive in.
    """
    seen: Counter[str] = Counter()

    def answer(body: Body) -> Served:
        key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        seen[key] += 1
        draw = random.Random(f"{seed} {key} {seen[key]}")
        luck = draw.random()
        if luck < limited:
            return rate_limited() if draw.random() < 0.5 else overloaded()
        if luck < limited + malformed:
            return torn() if draw.random() < 0.5 else message("I would rather talk about something else.")
        return script(body)

    return answer


class Loopback:
    """The server, as a context manager. `requests` holds every request body, `served` every status that was sent."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.served: Counter[int] = Counter()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Loopback:
        self._thread.start()
        assert self._ready.wait(10), "the loopback server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/v1/messages", self._messages)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        served = self.script(body)
        self.served[served.status] += 1
        if body.get("stream") and served.status == 200 and isinstance(served.body, dict):
            return await self._stream(request, served.body)
        text = served.body if isinstance(served.body, str) else json.dumps(served.body)
        return web.Response(text=text, status=served.status, headers=served.headers, content_type="application/json")

    async def _stream(self, request: web.Request, whole: Body) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in _events(whole):
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return response


def _events(whole: Body) -> list[Body]:
    """The server-sent events of a finished message, its text in two pieces."""
    start = {**whole, "content": [], "stop_reason": None, "usage": {"input_tokens": 12, "output_tokens": 0}}
    events: list[Body] = [{"type": "message_start", "message": start}]
    for index, part in enumerate(whole["content"]):
        text = part["text"]
        halves = (text[: len(text) // 2], text[len(text) // 2 :])
        block = {"type": "text", "text": ""}
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        for half in halves:
            delta = {"type": "text_delta", "text": half}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}})
    return [*events, {"type": "message_stop"}]
