"""The workflow examples: their own commands, over a released system image, with a layer that boots and one that does not."""
import json
import os
import pathlib
import shutil
import subprocess

import yaml

from guests import EXAMPLES, ROOT, WAIT

GITLAB, GITHUB = (EXAMPLES / "ci" / name for name in ("gitlab-ci.yml", "github.yml"))


class Runner:
    """A checkout with the released files beside it, and the commands of the package in PATH."""
    PIPEFAIL = ("-o", "pipefail")

    def __init__(self, shelf, name):
        self.dir = shelf.dir / name
        (self.dir / "layer/etc").mkdir(parents=True)
        (self.dir / "layer/etc/owner").write_text("merge request")
        for released, file in (("vmlinuz", shelf.kernel), ("initramfs.cpio", shelf.initramfs), ("system.img", shelf.system)):
            os.link(file, self.dir / released)
        (self.dir / "bin").mkdir()
        for command, file in (("layerboot", "build/layerboot"), ("layerboot-mklayer", "scripts/mklayer"),
                              ("layerboot-run-vm", "scripts/run-vm")):
            (self.dir / "bin" / command).symlink_to(ROOT / file)
        self.env = {**os.environ, "PATH": f"{self.dir}/bin:{os.environ['PATH']}", "APPEND": f"{WAIT} host=off",
                    "GITHUB_STEP_SUMMARY": str(self.dir / "summary")}

    def run(self, script, *flags):
        return subprocess.run(["bash", "-e", *flags, "-c", script], cwd=self.dir, env=self.env, capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)

    def report(self):
        return json.loads((self.dir / "report.json").read_text())


def gitlab(shelf, directory):
    job = yaml.safe_load(GITLAB.read_text())["boot"]
    runner = Runner(shelf, "gitlab")
    done = runner.run("\n".join(job["script"]), *runner.PIPEFAIL)
    (directory / "gitlab.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        return [f"the job failed: {(done.stdout + done.stderr)[-2000:]}"]
    errors = [] if runner.report()["result"] == "ok" else ["the report is not that of a good boot"]
    for kept in job["artifacts"]["paths"]:
        if not (runner.dir / kept).stat().st_size:
            errors.append(f"the artifact {kept} is empty")
    if "T version 1, of merge request, boot 1" not in (runner.dir / "console.log").read_text(errors="replace"):
        errors.append("it was not the layer of the merge request over the released system that booted")
    if "/etc/owner  user over system" not in (runner.dir / "shadowed.txt").read_text():
        errors.append("what the layer shadows is not said")
    return errors


def github_steps(shelf, directory, name, program, mode):
    """The steps with PROGRAM as the layer's init; the step that failed first, and the runner."""
    workflow = yaml.safe_load(GITHUB.read_text())
    steps = [step for step in workflow["jobs"]["boot"]["steps"] if "run" in step]
    runner, failed = Runner(shelf, name), None
    # Without a shell's name GitHub calls bash -e only.
    flags = runner.PIPEFAIL if workflow.get("defaults", {}).get("run", {}).get("shell") == "bash" else ()
    (runner.dir / "layer/sbin").mkdir()
    (runner.dir / "layer/sbin/init").write_bytes(program)
    (runner.dir / "layer/sbin/init").chmod(mode)
    for step in steps:
        if step["name"] in ("tools", "released system") or failed and step.get("if") != "always()":
            continue
        done = runner.run(step["run"], *flags)
        (directory / f"{name}-{step['name']}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            failed = f"{failed}, {step['name']}" if failed else step["name"]
    return failed, runner


def github(shelf, directory):
    """A layer that takes the system's init away: the job is red, and the report is published all the same."""
    # A program to whoever looks, and none to the kernel: all but its header is missing.
    header = pathlib.Path(shutil.which("busybox", path="/bin:/usr/bin")).read_bytes()[:64]
    failed, runner = github_steps(shelf, directory, "github", header, 0o755)
    errors = [] if failed == "boot" else [f"the step that failed: {failed}"]
    report = runner.report()
    if report["result"] != "failed" or report["failure"]["word"] != "init-exec":
        errors.append(f"the report: {report['result']}, {report.get('failure')}")
    if "result: failed" not in (runner.dir / "summary").read_text():
        errors.append("the summary does not tell the result")
    return errors


def refused(shelf, directory):
    """What the check sees is not booted; the summary says why."""
    failed, runner = github_steps(shelf, directory, "refused", b"no program", 0o644)
    errors = [] if failed == "layer" else [f"the step that failed: {failed}"]
    if (runner.dir / "console.log").exists():
        errors.append("it was booted")
    summary = (runner.dir / "summary").read_text()
    return errors if "not booted: error[init-missing]" in summary else [*errors, f"the summary: {summary}"]


def same_commands(_shelf, _directory):
    """Both build, check and boot with the same words."""
    mine = yaml.safe_load(GITLAB.read_text())["boot"]["script"]
    steps = yaml.safe_load(GITHUB.read_text())["jobs"]["boot"]["steps"]
    theirs = "\n".join(step.get("run", "") for step in steps)
    return [f"the workflow of GitHub lacks: {line}" for line in mine if line.split()[0] != "jq" and line not in theirs]


TESTS = [("CI: a layer is built, booted over the released system and reported", gitlab),
         ("CI: a layer that does not boot fails the job, and its report is kept", github),
         ("CI: a layer that the check refuses is not booted", refused),
         ("CI: both workflows do the same", same_commands)]
