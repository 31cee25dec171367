"""A store that is out to get whoever tests it: with its answers, its errors, its log, and the files beside that."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from harness.node import Body, Host, Node, RpcError

TEMPORARILY_UNAVAILABLE = 11
HUGE = 1 << 20


def evils(canary: str) -> list[str]:
    """Texts that do something when they are taken for more than text: make the file `canary`, talk to a terminal,
    run in a browser."""
    return [
        f"$(touch {canary})",
        f"`touch {canary}`",
        f"'; touch {canary}; '",
        f'"; touch {canary}; "',
        f"| touch {canary} #",
        f"\n touch {canary}\n",
        f"--checkpoint-action=exec=touch {canary}",
        f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}{{% include '{canary}' %}}",
        f"!!python/object/apply:os.system ['touch {canary}']",
        f"../../../../../../../../../..{canary}",
        "\x1b]0;taken\x07\x1b[2J\x1b[31mpass\x1b[0m\r",
        "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">",
        "[bold red]pass[/] \u202egnorw si siht",
        "\ud800",
        "x" * HUGE,
    ]


class Hostile(Node):
    """`canary` is a path of the controller's machine that nobody may ever make."""

    def __init__(self, host: Host, *, canary: str) -> None:
        super().__init__(host)
        self.evils = evils(canary)
        self.count = 0

    async def start(self) -> None:
        for evil in self.evils:
            self.log(evil.encode("utf-8", "replace").decode())
        for directory in (Path("/var/log/splitbrain"), Path.cwd().parent / "logs"):
            if directory.is_dir():
                sys.stdout.write("".join(self.evils[:-2]))
                self.litter(directory)

    def litter(self, directory: Path) -> None:
        """Files whose names, kinds or sizes are traps for whoever fetches logs."""
        if (directory / "fifo").exists():
            return
        for name in ("aaa", "secret"):
            (directory / name).symlink_to("/etc/passwd")
        (directory / "deep").mkdir(exist_ok=True)
        (directory / "deep" / "plan.yaml").write_text("deep", encoding="ascii")
        os.mkfifo(directory / "fifo")
        with (directory / "sparse").open("wb") as file:
            file.truncate(1 << 40)
        for evil in self.evils:
            name = evil.replace("/", "\u2215").encode("utf-8", "replace")[:200]
            (directory / os.fsdecode(name)).write_bytes(b"trap")
        (directory / "zzz.log").write_text("an honest one", encoding="ascii")

    def next(self) -> str:
        self.count += 1
        return self.evils[self.count % len(self.evils)]

    def on_read(self, source: str, body: Body) -> Body:
        if self.count % 3 == 0:
            raise RpcError(TEMPORARILY_UNAVAILABLE, self.next())
        if self.count % 5 == 0:
            raise RuntimeError(self.next())
        return {"type": "read_ok", "value": self.next()}

    def on_write(self, source: str, body: Body) -> Body:
        return {"type": "write_ok", "more": self.next()}

    def on_cas(self, source: str, body: Body) -> Body:
        raise RpcError(22, self.next(), current=self.next())
