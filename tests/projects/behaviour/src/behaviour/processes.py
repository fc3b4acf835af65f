"""Other processes of the same product."""

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys


def square(number):
    return number * number


def who(queue):
    queue.put((multiprocessing.current_process().name, os.getpid(), sys.argv[1:2]))


def start_method(name):
    context = multiprocessing.get_context(name)
    with context.Pool(2) as pool:
        squares = pool.map(square, range(5))
    queue = context.Queue()
    process = context.Process(target=who, args=(queue,), name="child")
    process.start()
    child, pid, argv = queue.get(timeout=60)
    process.join()
    return {
        "squares": squares,
        "child": child,
        "other": pid != os.getpid(),
        "argv": argv,
        "status": process.exitcode,
    }


def futures():
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        squares = list(pool.map(square, range(4)))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [squares, list(pool.map(square, range(4)))]


def shared_memory():
    from multiprocessing import shared_memory

    block = shared_memory.SharedMemory(create=True, size=16)
    block.buf[:3] = b"abc"
    other = shared_memory.SharedMemory(block.name)
    found = bytes(other.buf[:3]).decode()
    other.close()
    block.close()
    block.unlink()
    return found


def manager():
    with multiprocessing.Manager() as shared:
        names = shared.dict(a=1)
        names["b"] = 2
        return dict(names)


def _ask(*arguments, **options):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, **options
    )
    return [done.returncode, done.stdout, done.stderr]


def python():
    return {
        "code": _ask("-c", "import behaviour, sys; print(behaviour.GREETING, sys.argv)", "é"),
        "module": _ask("-m", "behaviour", "imports.metadata"),
        "stdlib": _ask("-m", "json.tool", input='{"a": 1}'),
        "stdin": _ask("-", input="import shapes.circle; print(shapes.circle.SIDES)"),
        "executable": _ask("-c", "import sys; print(sys.executable)")[1].strip() == sys.executable,
        "prefix": _ask("-c", "import sys; print(sys.prefix)")[1].strip() == sys.prefix,
        "isolated": _ask("-I", "-c", "import behaviour; print(behaviour.__name__)"),
        "plain": _ask("-I", "-S", "-E", "-B", "-c", "import behaviour; print(behaviour.__name__)"),
        "failure": _ask("-c", "import behaviour.failing as f; f.innermost()"),
        "status": _ask("-c", "import sys; sys.exit(4)")[0],
        "version": _ask("-V")[1].split()[0],
    }


def script(path):
    return _ask(path, "argument")


def subinterpreter():
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    read, write = os.pipe()
    number = interpreters.create()
    interpreters.run_string(
        number,
        "import os, json, shapes.circle, behaviour\n"
        f"os.write({write}, json.dumps([behaviour.GREETING, shapes.circle.SIDES]).encode())",
    )
    interpreters.destroy(number)
    return os.read(read, 100).decode()
