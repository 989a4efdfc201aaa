"""The sender's client against a real server on loopback: the same meanings as the blocking one."""

import asyncio
import socket

import pytest
from aiohttp import web

from errors import ConfigError, GatewayUnavailable, OutcomeUnknown
from ghala.async_client import AsyncGhalaClient
from ghala.dialects import V1, Request, Sent
from ghala.messages import Text

RELEASE = web.AppKey("release", asyncio.Event)
KEY = "ghl_test_0123456789"
SEND = V1().send_message("254711222333", Text("Hi"), "out:1")


def post(path):
    return Request("POST", path, {"a": 1})


def get(path):
    return Request("GET", path)


async def sent(request):
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Idempotency-Key"] == "out:1"
    assert request.content_type == "application/json"
    assert await request.json() == {"to": "254711222333", "type": "text", "text": {"body": "Hi"}}
    return web.json_response({"messages": [{"id": "wamid.1"}]})


async def busy(_request):
    return web.Response(status=429, text="slow down", headers={"Retry-After": "9"})


async def elsewhere(_request):
    raise web.HTTPFound("/large")


async def large(_request):
    return web.Response(body=b"x" * 5000)


async def silent(request):
    await request.app[RELEASE].wait()
    return web.Response()


async def dripping(request):
    response = web.StreamResponse()
    await response.prepare(request)
    while not request.app[RELEASE].is_set():
        await response.write(b"x")
        await asyncio.sleep(0.01)
    return response


async def cut(request):
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b"x")
    request.transport.close()
    return response


async def hung_up(request):
    request.transport.close()
    return web.Response()


async def same_socket(request):
    return web.Response(text=str(request.transport.get_extra_info("peername")[1]))


ROUTES = {
    "/whatsapp/messages": sent, "/busy": busy, "/elsewhere": elsewhere, "/large": large, "/silent": silent,
    "/dripping": dripping, "/cut": cut, "/hung-up": hung_up, "/same-socket": same_socket,
}  # fmt: skip


def talk(conversation, **options):
    """Run ``conversation(client)`` against a fresh server."""

    async def scene():
        app = web.Application()
        app[RELEASE] = asyncio.Event()
        for path, handler in ROUTES.items():
            app.router.add_route("*", path, handler)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        try:
            async with AsyncGhalaClient(
                f"http://127.0.0.1:{port}", KEY, max_response=1000, **options
            ) as client:
                return await conversation(client)
        finally:
            app[RELEASE].set()
            await runner.cleanup()

    return asyncio.run(scene())


def test_a_message_is_sent_and_its_id_read():
    async def conversation(client):
        return await client.call(SEND)

    answer = talk(conversation)
    assert V1().read_sent(answer.status, answer.headers, answer.body) == Sent("wamid.1")


def test_every_answer_comes_back_for_the_dialect_to_judge():
    async def conversation(client):
        return await client.call(post("/busy")), await client.call(post("/missing"))

    throttled, missing = talk(conversation)
    assert (throttled.status, throttled.headers["retry-after"], missing.status) == (429, "9", 404)


@pytest.mark.parametrize("path", ["/elsewhere", "/large", "/silent", "/dripping", "/cut", "/hung-up"])
def test_a_post_that_broke_after_sending_is_unknown_and_a_get_may_be_repeated(path):
    async def conversation(client):
        with pytest.raises(OutcomeUnknown):
            await client.call(post(path))
        with pytest.raises(GatewayUnavailable):
            await client.call(get(path))

    talk(conversation, read_timeout=0.1)


def test_a_refused_connection_may_be_tried_again():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: refused
        port = unused.getsockname()[1]

        async def scene():
            async with AsyncGhalaClient(f"http://127.0.0.1:{port}", KEY) as client:
                with pytest.raises(GatewayUnavailable):
                    await client.call(post("/x"))

        asyncio.run(scene())


def test_a_server_without_tls_is_not_talked_to_in_the_clear():
    async def conversation(client):
        async with AsyncGhalaClient(client._connection.base_url.replace("http:", "https:"), KEY) as secure:
            with pytest.raises(GatewayUnavailable):
                await secure.call(post("/x"))

    talk(conversation)


def test_the_connection_is_kept_alive():
    async def conversation(client):
        return {(await client.call(get("/same-socket"))).body for _ in range(3)}

    assert len(talk(conversation)) == 1


def test_many_calls_share_a_limited_number_of_connections():
    async def conversation(client):
        answers = await asyncio.gather(*(client.call(get("/same-socket")) for _ in range(20)))
        return {answer.body for answer in answers}

    assert len(talk(conversation, connections=2)) <= 2


def test_a_closed_client_opens_again():
    async def conversation(client):
        await client.call(get("/busy"))
        await client.close()
        return await client.call(get("/busy"))

    assert talk(conversation).status == 429


def test_the_key_does_not_show_and_a_bad_connection_stops_the_start():
    client = AsyncGhalaClient("https://api.ghala.example/v1", KEY)
    assert KEY not in repr(client)
    assert KEY not in repr(client.__dict__)
    with pytest.raises(ConfigError):
        AsyncGhalaClient("nowhere", KEY)
