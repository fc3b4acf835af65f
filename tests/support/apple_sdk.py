"""A small SDK for macOS: a framework, a library and a header of C that nobody else has."""

import json
from pathlib import Path

_STUB = """--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '{name}'
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ {symbol} ]
...
"""
_FRAMEWORK = "/System/Library/Frameworks/Demo.framework/Versions/A/Demo"
USES = """
#include <Demo/Demo.h>
#include <netinet/demo_own.h>
int demo_more(void);
static int used(void) { return demo_answer() + demo_more() + DEMO_OWN; }
"""
DYLIBS = (_FRAMEWORK, "/usr/lib/libdemomore.dylib")


def make_sdk(folder: Path, *, version: str = "14.2") -> Path:
    """The SDK in ``folder``; what it has is asked for by ``USES``, linked to ``DYLIBS``."""
    settings = {
        "CanonicalName": f"macosx{version}", "Version": version,
        "MaximumDeploymentTarget": f"{version}.99",
    }  # fmt: skip
    files = {
        "SDKSettings.json": json.dumps(settings),
        "usr/include/netinet/demo_own.h": "#define DEMO_OWN 7\n",
        "usr/include/stdio.h": "#error zig's comes before\n",
        "usr/lib/libdemomore.tbd": _STUB.format(name=DYLIBS[1], symbol="_demo_more"),
        f"{_FRAMEWORK[1:]}.tbd": _STUB.format(name=_FRAMEWORK, symbol="_demo_answer"),
        "System/Library/Frameworks/Demo.framework/Versions/A/Headers/Demo.h":
            "#include <stdio.h>\nint demo_answer(void);\n",
    }  # fmt: skip
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    framework = folder / "System/Library/Frameworks/Demo.framework"
    for link, target in {
        "Versions/Current": "A", "Headers": "Versions/A/Headers", "Demo.tbd": "Versions/A/Demo.tbd",
    }.items():  # fmt: skip
        (framework / link).symlink_to(target)
    return folder
