"""Threads, streams, signals, locale."""

import asyncio
import locale
import os
import sys
import threading
import time


def threads():
    found = []
    workers = [threading.Thread(target=found.append, args=(n,)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sorted(found)


def tasks():
    async def work(number):
        await asyncio.sleep(0.01)
        return number

    async def child():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('child')", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        return out.decode().strip()

    async def everything():
        return [await asyncio.gather(*(work(n) for n in range(3))), await child()]

    return asyncio.run(everything())


def lines():
    return [line.rstrip("\n") for line in sys.stdin]


def copy():
    while block := sys.stdin.buffer.read(1 << 16):
        sys.stdout.buffer.write(block)


def arguments(*given):
    return {"same": sys.argv[2:] == [*given], "given": [os.fsencode(text).hex() for text in given]}


def encodings():
    return {
        "stdout": sys.stdout.encoding,
        "files": sys.getfilesystemencoding(),
        "preferred": locale.getpreferredencoding(False),
        "utf8": sys.flags.utf8_mode,
        "text": "äöü ✓ 日本",
        "upper": "straße".upper(),
        "codecs": ["é".encode("cp1252").hex(), "bücher.de".encode("idna").decode()],
    }


def localized():
    name = locale.setlocale(locale.LC_ALL, "C.UTF-8")
    return {"name": name, "number": locale.format_string("%.1f", 1.5)}


def wide_stack():
    def depth(number):
        return number and 1 + depth(number - 1)

    return {"depth": depth(900)}


def hashing():
    return {"random": sys.flags.hash_randomization, "gc": __import__("gc").isenabled()}


def slow_output():
    for number in range(3):
        print(number)
        time.sleep(0.05)
