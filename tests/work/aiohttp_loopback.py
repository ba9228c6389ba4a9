"""aiohttp at work: a server and its client in one event loop, over the loopback interface."""

import asyncio
import json

import aiohttp
import aiohttp._http_parser
import aiohttp._http_writer
import aiohttp._websocket.mask
import aiohttp._websocket.reader_c
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpResponseParser

print(HttpRequestParser is aiohttp._http_parser.HttpRequestParser, HttpResponseParser.__module__)


@web.middleware
async def count(request, handler):
    request.app[SEEN].append(request.path)
    response = await handler(request)
    response.headers["X-Count"] = str(len(request.app[SEEN]))
    return response


SEEN = web.AppKey("seen", list)


async def hello(request):
    return web.json_response({"name": request.match_info["name"], "query": list(request.query.items()), "method": request.method})


async def echo(request):
    body = await request.read()
    return web.Response(body=body, headers={"X-Type": request.content_type, "X-Length": str(len(body))})


async def form(request):
    got = {}
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            got[part.name] = [part.filename, (await part.read()).decode()]
    else:
        got = dict(await request.post())
    return web.json_response(got)


async def stream(request):
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_compression()
    await response.prepare(request)
    for i in range(50):
        await response.write(f"line {i}\n".encode())
    await response.write_eof()
    return response


async def socket(request):
    ws = web.WebSocketResponse(compress=True)
    await ws.prepare(request)
    async for message in ws:
        if message.type == aiohttp.WSMsgType.TEXT:
            if message.data == "close":
                await ws.close(code=4000, message=b"bye")
            else:
                await ws.send_str(message.data.upper())
        elif message.type == aiohttp.WSMsgType.BINARY:
            await ws.send_bytes(message.data[::-1])
    return ws


async def failing(request):
    raise web.HTTPConflict(text="short and stout", headers={"X-Why": "tea"})


async def redirected(request):
    raise web.HTTPFound("/hello/there?from=redirect")


async def cookies(request):
    response = web.Response(text=",".join(sorted(f"{k}={v}" for k, v in request.cookies.items())))
    response.set_cookie("seen", "yes", max_age=60, httponly=True)
    return response


async def slow(request):
    await asyncio.sleep(30)
    return web.Response()


async def talk(client):
    async with client.get("/hello/wörld", params=[("a", "1"), ("a", "2 3")]) as response:
        print(response.status, response.reason, response.content_type, response.charset, await response.json(), response.headers["X-Count"])
        print(response.url.path, response.url.raw_path, response.version, response.method, type(response.headers).__name__)
    for size in (0, 1, 1000, 1_000_000):
        async with client.post("/echo", data=bytes(i & 255 for i in range(size)), headers={"Content-Type": "x/y"}) as response:
            body = await response.read()
            print(size, len(body), response.headers["X-Length"], response.headers["X-Type"], body[:4])

    async def pieces():
        for i in range(5):
            yield b"piece %d;" % i

    async with client.put("/echo", data=pieces()) as response:
        print(await response.text(), response.headers["X-Length"])
    async with client.post("/form", data={"a": "1", "b": "ü &"}) as response:
        print(await response.json())
    data = aiohttp.FormData()
    data.add_field("file", b"content", filename="name.txt", content_type="text/plain")
    data.add_field("field", "välue")
    async with client.post("/form", data=data) as response:
        print(await response.json())
    async with client.get("/stream") as response:
        lines = [line async for line in response.content]
        print(len(lines), lines[0], lines[-1], response.headers.get("Content-Encoding"))
    async with client.ws_connect("/socket", compress=15) as ws:
        for text in ("hello", "ä" * 3, "x" * 70000):
            await ws.send_str(text)
            print((await ws.receive_str())[:8])
        for size in (1, 125, 126, 65536):
            await ws.send_bytes(bytes(i & 255 for i in range(size)))
            reply = await ws.receive_bytes()
            print(len(reply), reply[:3])
        await ws.ping()
        await ws.send_str("close")
        message = await ws.receive()
        print(message.type, message.data, message.extra, ws.closed, ws.close_code)
    async with client.get("/failing") as response:
        print(response.status, response.reason, await response.text(), response.headers.get("X-Count"))
        try:
            response.raise_for_status()
        except aiohttp.ClientResponseError as error:
            print(type(error).__name__, error.status, error.message)
    async with client.get("/redirected") as response:
        print(response.status, (await response.json())["query"], [r.status for r in response.history])
    async with client.get("/nowhere") as response:
        print(response.status, await response.text())
    async with client.delete("/hello/x") as response:
        print(response.status, response.headers["Allow"])
    for _ in range(2):
        async with client.get("/cookies") as response:
            print(await response.text(), [c.value for c in response.cookies.values()])
    try:
        async with client.get("/slow", timeout=aiohttp.ClientTimeout(total=0.2)):
            pass
    except asyncio.TimeoutError as error:
        print("timed out", isinstance(error, aiohttp.ServerTimeoutError))
    try:
        await client.get("http://127.0.0.1:1/")
    except aiohttp.ClientConnectorError as error:
        print(type(error).__name__, error.os_error.errno)

    async def one(i):
        async with client.get(f"/hello/{i}") as response:
            return (await response.json())["name"]

    names = await asyncio.gather(*(one(i) for i in range(40)))
    print(names == [str(i) for i in range(40)])


async def raw(port):
    """What no client sends: the server's parser has to refuse it."""
    for request in (b"NOT HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", b"GET /hello/a HTTP/1.0\r\nHost: h\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        print((await reader.read()).split(b"\r\n")[0])
        writer.close()


async def main():
    app = web.Application(middlewares=[count])
    app[SEEN] = []
    app.add_routes([
        web.get("/hello/{name}", hello), web.route("*", "/echo", echo), web.post("/form", form), web.get("/stream", stream),
        web.get("/socket", socket), web.get("/failing", failing), web.get("/redirected", redirected), web.get("/cookies", cookies),
        web.get("/slow", slow),
    ])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar) as client:
        await talk(client)
    await raw(port)
    await runner.cleanup()
    print(len(app[SEEN]))


asyncio.run(main())

# The parsers by themselves
class Protocol(asyncio.Protocol):
    _reading_paused = False

    def pause_reading(self):
        pass

    def resume_reading(self, resume_parser=True):
        pass


async def parse():
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(Protocol(), loop, 2**16)
    head = b"POST /p?q=1 HTTP/1.1\r\nHost: example.org\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 4\r\n\r\nbo"
    messages, upgraded, tail = parser.feed_data(head)
    message, payload = messages[0]
    print(message, message._replace(method="GET").method, upgraded, tail)
    parser.feed_data(b"dy")
    print(await payload.read(), payload.is_eof())
    try:
        parser.feed_data(b"GET /\x00 HTTP/1.1\r\n\r\n")
    except Exception as error:
        print(type(error).__name__, error.code)


asyncio.run(parse())
