"""The window and its command line."""

import argparse
import sys
import tkinter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from tkinter import ttk

from PIL import Image, ImageGrab, ImageTk


class Window:
    """A title, a picture, a label that counts, and a button that makes it count."""

    def __init__(self) -> None:
        self.root = tkinter.Tk()
        self.root.title("Sealift example")
        self.count = 0
        with resources.files("window").joinpath("picture.png").open("rb") as file:
            self.picture = ImageTk.PhotoImage(Image.open(file))
        self.label = ttk.Label(self.root, text="Not pressed yet", font=("TkDefaultFont", 16))
        self.button = ttk.Button(self.root, text="Press", command=self.press)
        ttk.Label(self.root, image=self.picture).pack(padx=24, pady=(24, 8))
        self.label.pack(padx=24, pady=8)
        self.button.pack(padx=24, pady=(8, 24))

    def press(self) -> None:
        """What the button does."""
        self.count += 1
        self.label["text"] = f"Pressed {self.count} time{'s' * (self.count != 1)}"

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a picture."""
        self.root.update()
        left, top = self.root.winfo_rootx(), self.root.winfo_rooty()
        right, bottom = left + self.root.winfo_width(), top + self.root.winfo_height()
        display = None if sys.platform in {"win32", "darwin"} else ""
        ImageGrab.grab(bbox=(left, top, right, bottom), xdisplay=display).save(path)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of one call."""
    parser = argparse.ArgumentParser(prog="window", description="Opens a window.")
    parser.add_argument("--press", type=int, default=0, metavar="N", help="press the button N times")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="write a picture, then close")
    parser.add_argument("--close-after", type=int, metavar="MS", help="close after milliseconds")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window until it is closed."""
    arguments = parse(argv)
    window = Window()
    for _ in range(arguments.press):
        window.button.invoke()

    def take_and_close() -> None:
        window.screenshot(arguments.screenshot)
        window.root.destroy()

    if arguments.screenshot:
        window.root.after(arguments.close_after or 300, take_and_close)
    elif arguments.close_after is not None:
        window.root.after(arguments.close_after, window.root.destroy)
    window.root.mainloop()
    return 0
