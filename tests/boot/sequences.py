"""Boots that follow each other on the same disks: a persistent top, [bind], an upgrade of the system."""
import shutil
import subprocess

from boot import Boot
from images import Trouble, sh


class Sequence:
    """A row of SEQUENCES: kept = disks by name, each with the image that it begins as; boots = rows as in cases.py."""

    kind = Boot

    def __init__(self, row, kernel, images, directory):
        self.row, self.kernel, self.images, self.dir = row, kernel, images, directory
        self.name, self.took = f"{row['name']} ({kernel}{' ' + images.arch if images.foreign else ''})", None

    def judge(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        kept = {}
        try:
            for name, image in self.row["kept"].items():
                kept[name] = self.dir / f"{name}.disk"
                shutil.copy(self.images.get(image), kept[name])
            for number, case in enumerate(self.row["boots"], 1):
                for command in case.get("before", []):
                    self.prepare(command, kept)
                boot = self.kind({**self.row.get("all", {}), **case, "name": f"{self.row['name']}-{number}"}, self.kernel,
                            self.images, self.dir / str(number), kept)
                errors, lines = boot.judge()
                if errors:
                    return [f"boot {number}: {e}" for e in errors], lines
            errors = [e for command in self.row.get("after", []) for e in self.verify(command, kept)]
            return errors, []
        except Trouble as trouble:
            return [str(trouble)], []

    def prepare(self, command, kept):
        sh("bash", "-euc", command.format(**kept))

    @staticmethod
    def verify(command, kept):
        done = subprocess.run(["bash", "-euc", command.format(**kept)], capture_output=True, text=True, check=False)
        return [] if done.returncode == 0 else [f"{command}: {done.stdout}{done.stderr}"]
