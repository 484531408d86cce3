"""What PID 1 did against what "layerboot plan" says: the steps of a report as a part of the plan, and how a boot fails."""

# Words of which "layerboot plan" with the images cannot know, and why.
NOT_FORESEEN = {
    "layer-mount": "what an image holds below its superblock, the kernel reads",
    "layer-read": "the disk is sick, and not its image",
    "layer-stalled": "the disk is sick, and not its image",
    "layer-corrupt": "the blocks are read by the kernel, and by layerboot check",
    "verity-failed": "what the kernel has",
    "layer-privileged": "the layer is not walked by plan, but by layerboot check",
    "layer-outside": "the layer is not walked by plan, but by layerboot check",
    "module-missing": "what is in the initramfs",
    "module-load": "what is in the initramfs",
    "manifest-missing": "what is in the initramfs, or on a disk",
    "not-initramfs": "what the kernel was started with",
    "init-missing": "what is in the merged root",
    "init-exec": "what is in the merged root",
    "root-directory": "what is in the merged root",
    "switch-root": "what is in the merged root",
    "protect-unreachable": "what is in the merged root",
    "bind-failed": "what is in the merged root",
    "union-failed": "what the kernel makes of the layers",
    "top-failed": "what is on the disk of the top, or what tmpfs takes",
    "top-changed": "what is on the disk of the top",
    "volume-foreign": "whether a disk is blank, only who formats it looks",
    "volume-damaged": "what is on the disk of the top",
    "volume-failed": "what mkfs says",
    "whiteouts-failed": "what is in the layer",
    "crash": "a bug",
}
# Of these the replay of a report cannot know, either: the boot failed when it did what the plan says. The others
# are decided from what the boot saw, all of which the report has.
DONE_AND_FAILED = {
    "layer-mount", "layer-privileged", "layer-outside", "module-missing", "module-load", "init-missing", "init-exec",
    "root-directory", "switch-root", "protect-unreachable", "bind-failed", "union-failed", "top-failed", "volume-foreign",
    "volume-damaged", "volume-failed", "whiteouts-failed", "layer-dirty", "union-unsupported", "crash", "limit",
    "layer-stalled", "layer-corrupt", "verity-failed",
}
# Before a disk is looked for: the report has no disks that a plan could be made of.
BEFORE_DISKS = {"not-initramfs", "cmdline-invalid", "manifest-missing", "not-pid1", "bootstrap"}

# Modules are loaded by whoever needs them first; the moves come after the report.
UNTIMED = ("module ", "move ", "switch-root ", "exec ")


def key_of(step):
    """What is done one after the other: bootstrap and root as a whole, the steps of one layer among themselves."""
    return step["phase"] if step["phase"] != "layers" else step.get("layer")


def shared(step):
    """A directory that several layers need is made by the first."""
    return step["phase"] == "layers" and step["step"].startswith("mkdir")


def steps_errors(planned, report, whole):
    """The steps that were taken fit the plan as a partial order: all of it if WHOLE, else as far as the boot came."""
    planned = [step for step in planned if not step["step"].startswith(UNTIMED)]
    at = {step["step"]: (step["start_us"], step["us"]) for step in report["steps"]}
    errors = [f"step not planned: {step}" for step in set(at) - {s["step"] for s in planned}
              if not step.startswith(UNTIMED)]
    end, missing, layers_missing = {}, {}, None
    for step in planned:
        key = key_of(step)
        if step["step"] not in at:
            missing.setdefault(key, step["step"])
            if step["phase"] == "layers":
                layers_missing = layers_missing or step["step"]
            continue
        if key in missing and not shared(step):
            errors.append(f"step without the one before it: {step['step']}, not {missing[key]}")
        if step["phase"] != "bootstrap" and "bootstrap" in missing:
            errors.append(f"step before the bootstrap: {step['step']}")
        if step["phase"] == "root" and layers_missing:
            errors.append(f"step of the root without all layers: {step['step']}, not {layers_missing}")
        start, took = at[step["step"]]
        after = [end.get(key, 0)] if key else []
        if step["phase"] == "root":
            after += end.values()
        if after and start < max(after):
            errors.append(f"step too early: {step['step']}")
        if key and not shared(step):
            end[key] = start + took
    left = list(missing.values())
    if whole:
        errors += [f"step not taken: {step}" for step in left]
    elif not left and at.keys() & {s["step"] for s in planned if s["phase"] == "root"}:
        # Only the switch itself and what follows are not in a report.
        last = [s["step"] for s in planned if s["phase"] == "root"][-1]
        if last not in at:
            errors.append("a boot that failed has taken all steps")
    return errors


def failed_report_errors(report, word, console):
    """What the report says of the end, as the console does."""
    failure = report.get("failure", {})
    # A long line has been split for the kernel's log, between words or, where there are none, within one.
    text, shown = ("".join(t.split()) for t in (failure.get("text", ""), console))
    said = failure.get("word") if text in shown else f"told otherwise on the console: {failure}"
    errors = [] if report.get("result") == "failed" else [f"report: the result is {report.get('result')}"]
    return errors if said == word else errors + [f"report: the failure is {said}, expected {word}"]


def replay_errors(replay, word, reason, early):
    """How the plan for what the boot saw comes out. REASON: why it cannot be as the boot did. EARLY: it had not seen all
    of its disks, and did not fail for one that is missing."""
    foreseen = replay.returncode == 1 and f"error[{word}]" in replay.stderr
    waits = "-missing]" in replay.stderr or "says too little" in replay.stderr
    # The manifest's own disk is sick: nothing can be planned.
    unread = word in ("layer-read", "layer-stalled") and replay.returncode == 2 and "give --manifest" in replay.stderr
    if foreseen or unread or (early and waits):
        return []
    if word in DONE_AND_FAILED or reason:
        return [] if replay.returncode == 0 else [
            f"the replay fails otherwise than with {word}: {replay.returncode}, {replay.stderr.strip()}"]
    return [f"the replay should foresee {word}: {replay.returncode}, {replay.stderr.strip()}"]
