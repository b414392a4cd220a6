"""A link between workers and a master that damages: of the headers of Convoy's messages that go over it, either way, it flips a bit in
a given share, as damage that TCP's checksum misses would. What libzmq writes around them stays as it is.

    damage_link.py MASTER SHARE SEED COUNT_FILE

MASTER is a port of 127.0.0.1, or the path of a Unix socket. Prints the port, or the path, that the link listens on; COUNT_FILE gets the number
of damaged headers. If the ends have keys, what is damaged is what they have encrypted, and the end that gets it closes the connection.
"""
import asyncio
import random
import sys

GREETING = 64  # bytes of ZMTP 3 before the first frame
HEADER = 40  # bytes of a header of Convoy (src/transport/frame.h)
MORE, LONG, COMMAND = 1, 2, 4  # flags of a ZMTP frame

master, share, count_file = sys.argv[1], float(sys.argv[2]), sys.argv[4]
over_tcp = master.isdigit()
random.seed(int(sys.argv[3]))
damaged = 0


def damage(body):
    global damaged
    bit = random.randrange(8 * HEADER)
    damaged += 1
    with open(count_file, "w") as file:
        print(damaged, file=file)
    return body[: bit // 8] + bytes([body[bit // 8] ^ 1 << bit % 8]) + body[bit // 8 + 1 :]


async def pump(reader, writer):
    try:
        for left in range(GREETING, 0, -1):  # the ends take turns
            writer.write(await reader.readexactly(1))
        first = True  # the next frame begins a message
        while True:
            flags = await reader.readexactly(1)
            size = await reader.readexactly(8 if flags[0] & LONG else 1)
            body = await reader.readexactly(int.from_bytes(size, "big"))
            if first and not flags[0] & COMMAND and len(body) >= HEADER and random.random() < share:
                body = damage(body)
            first = not flags[0] & MORE
            writer.write(flags + size + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        far = asyncio.open_connection("127.0.0.1", int(master)) if over_tcp else asyncio.open_unix_connection(master)
        far_reader, far_writer = await far
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def main():
    if over_tcp:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    else:
        server = await asyncio.start_unix_server(serve, master + "-link")
        print(master + "-link", flush=True)
    await server.serve_forever()


asyncio.run(main())
