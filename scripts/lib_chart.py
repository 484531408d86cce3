"""What boot-chart and the benchmarks draw with: gnuplot, and an output that appears whole or not at all."""
import os
import subprocess
import tempfile


class Trouble(Exception):
    """Ends the script with a message."""


def quote(text, limit):
    """A string of gnuplot. What a guest has written is shown, and does nothing."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return "'" + (text if len(text) <= limit else text[:limit - 1] + "…").replace("'", "''") + "'"


def tick(total):
    """A round distance that gives four to ten ticks."""
    step = 1
    while total / step > 10:
        step *= 2.5 if str(step)[0] == "2" else 2
        step = int(step)
    return step


def draw(text):
    try:
        done = subprocess.run(["gnuplot", "-"], input=text, capture_output=True, text=True, encoding="utf-8",
                              check=False)
    except FileNotFoundError:
        raise Trouble("gnuplot is not installed; install the package gnuplot-nox, or run scripts/setup") from None
    if done.returncode != 0 or not done.stdout.rstrip().endswith("</svg>"):
        said = [line.strip() for line in done.stderr.splitlines() if line.strip(" ^")]
        raise Trouble(f"gnuplot failed with status {done.returncode}: {said[-1] if said else 'it said nothing'}")
    return done.stdout


def write(path, text):
    """Whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=os.path.dirname(path) or ".",
                                         prefix=f".{os.path.basename(path)}.", delete=False) as f:
            try:
                f.write(text)
                f.flush()
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(f.name, 0o666 & ~umask)
                os.replace(f.name, path)
            except BaseException:
                os.unlink(f.name)
                raise
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}") from None
