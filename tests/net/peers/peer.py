#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server on the Python package `websockets`; says and does what peer.js does."""

import asyncio
import json
import sys
import urllib.parse

import websockets
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

SIZES = [0, 1, 125, 126, 65535, 65536, 1048576]


def deflate(**options):
    return [ServerPerMessageDeflateFactory(**options)]


VARIANTS = {
    "plain": None,
    "takeover": deflate(),
    "forgetful": deflate(server_no_context_takeover=True, client_no_context_takeover=True),
    "small": deflate(server_max_window_bits=9, client_max_window_bits=9),
}


def noise(seed, size):
    result = bytearray(size)
    state = seed
    for i in range(size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        result[i] = state >> 24
    return bytes(result)


def text(seed, size):
    """UTF-8 of that many bytes; begins with a character of three."""
    result = bytearray(0x20 + (byte & 0x3F) for byte in noise(seed, size))
    if size >= 3:
        result[0:3] = "\u20ac".encode()
    return result.decode()


def all_messages():
    """As messages() in messages.js."""
    for i, size in enumerate(SIZES):
        yield text(2 * i + 1, size)
        yield noise(2 * i + 2, size)
    for i in range(200):
        yield f'{{"e":"trade","s":"BTCUSDT","t":{1000 + i}}}'


MESSAGES = list(all_messages())


async def stream(socket, _query):
    for message in MESSAGES:
        await socket.send(message)
    await socket.close(1000, "done")


async def fragments(socket, _query):
    for message in MESSAGES:
        await socket.send(parts(socket, message))
    await socket.close(1000, "done")


async def parts(socket, message):
    """Three of them; waits for the answer to a ping within the message."""
    third = len(message) // 3
    yield message[:third]
    yield message[third:2 * third]
    if len(message) > 100:
        await (await socket.ping(b"within"))
    yield message[2 * third:]


async def echo(socket, _query):
    async for message in socket:
        await socket.send(message)


async def close(socket, query):
    await socket.close(int(query["code"][0]), query["reason"][0])


ACTIONS = {"/stream": stream, "/fragments": fragments, "/echo": echo, "/close": close}


def show(value):
    print(json.dumps(value), flush=True)


async def serve(name, extensions):
    async def handle(socket):
        url = urllib.parse.urlsplit(socket.path)
        try:
            await ACTIONS[url.path](socket, urllib.parse.parse_qs(url.query))
        except websockets.ConnectionClosed:
            pass
        await socket.wait_closed()
        show({"variant": name, "code": socket.close_code, "reason": socket.close_reason})

    server = await websockets.serve(handle, "127.0.0.1", 0, compression=None, extensions=extensions, max_size=None)
    return server.sockets[0].getsockname()[1]


async def main():
    show({name: await serve(name, extensions) for name, extensions in VARIANTS.items()})
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
