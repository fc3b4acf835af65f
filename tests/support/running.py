"""Built products, run as on a machine that knows nothing of us."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Product:
    """A built file, and a home of its own."""

    path: Path
    home: Path
    variables: ClassVar[Mapping[str, str]] = {}  # what else is in its environment

    @property
    def command(self) -> tuple[Path, ...]:
        """What starts it."""
        return (self.path,)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Nothing of this process's environment but where programs are."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        return {**own, **self.variables, **(extra or {})}

    def run(
        self, *arguments: str | bytes, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Start it away from its folder, and wait for its end."""
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            check=False,
            cwd=self.home,
            env=self.environment(env),
            timeout=120,
            **{"text": True, "encoding": "utf-8", **options},
        )

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it without waiting."""
        return subprocess.Popen(
            [*self.command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.home,
            env=self.environment(env),
            text=True,
        )

    def ask(self, *arguments: str, **options: Any) -> Any:
        """What a command answers."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)
