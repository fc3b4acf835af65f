"""Failures, to see what is told of them."""

import logging
import sys
import threading


def innermost():
    raise ValueError("told with its line")  # the line that fails


def uncaught():
    innermost()


def caught_cause():
    try:
        innermost()
    except ValueError as cause:
        raise RuntimeError("the second") from cause


def in_thread():
    thread = threading.Thread(target=innermost, name="worker")
    thread.start()
    thread.join()


def logged():
    try:
        innermost()
    except ValueError:
        logging.exception("logged")


def in_pages():
    from behaviour.broken import pages

    pages.fail()


def old_syntax():
    import behaviour.broken.old


def missing_module():
    import behaviour.broken.missing


def standard_library():
    import json

    json.loads("{")


def exit_with(text):
    sys.exit(int(text) if text.lstrip("-").isdecimal() else text)


def exit_by_builtin():
    exit(7)


def return_status():
    return 9


def interrupted():
    import os
    import signal

    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(30)


def terminated():
    import os
    import signal

    def stop(number, frame):
        print("stopping", flush=True)
        sys.exit(3)

    signal.signal(signal.SIGTERM, stop)
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(30)


def at_exit():
    import atexit

    atexit.register(print, "at exit")
    thread = threading.Thread(target=lambda: (threading.Event().wait(0.2), print("thread")))
    thread.start()
    sys.stdout.write("written, ")
    return 5
