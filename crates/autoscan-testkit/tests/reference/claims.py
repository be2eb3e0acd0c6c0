"""How a script says what must hold, and waits for what takes a while. A script that hangs is ended after two minutes."""

import signal
import sys
import time

signal.alarm(120)

PATIENCE = 20


def claim(truth, sentence):
    """Ends the script with this sentence unless it is true."""
    if not truth:
        sys.exit(f"Not so: {sentence}")
    print(f"  {sentence}", flush=True)


def same(found, expected, sentence):
    claim(found == expected, sentence if found == expected else f"{sentence}: {found!r} is not {expected!r}")


def soon(look, sentence):
    """What `look` finds, as soon as that is something."""
    end = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            print(f"  {sentence}", flush=True)
            return found
        if time.monotonic() > end:
            sys.exit(f"Not within {PATIENCE} s: {sentence}")
        time.sleep(0.1)


def refused(act, fault, sentence):
    """That the client understands a refusal as this fault."""
    try:
        act()
    except fault:
        print(f"  {sentence}", flush=True)
    else:
        sys.exit(f"Not so: {sentence}")
