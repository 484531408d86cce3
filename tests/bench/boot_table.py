"""The results of bench-boot: rows as they stand in the CSV file, the table, the goals, the chart, the comparison."""
import csv
import io

from common import Trouble
from lib_chart import quote, tick

MEASURED = [f"{name}{end}" for name in ("init_ms", "init_minstr", "boot_ms", "boot_minstr", "kvm_init_ms", "kvm_boot_ms",
                                         "loading_minstr", "work_ms", "chain_ms") for end in ("", "_min", "_max")]
WHOLE = ["layers", "runs", "initramfs_bytes", "syscalls", "modules", "module_bytes"]
COLUMNS = ["date", "machine", "kernel", "release", "contender", "union", *WHOLE, *MEASURED]
# What must not grow, and how it is said.
WATCHED = {"init_ms": "init to real init, ms", "init_minstr": "million instructions from init to real init",
           "boot_ms": "kernel start to real init, ms", "initramfs_bytes": "bytes of the initramfs",
           "syscalls": "system calls", "module_bytes": "bytes of modules"}
# goal: (what, numerator, denominator, column, at most, kernels). The median of the one over that of the other. Whoever
# boots an ext4 image is compared with layerboot on ext4 images: the same disk.
GOALS = [
    ("layerboot against the floor", "layerboot", "floor", "init_ms", 1.03, "cloud 6.12-cloud"),
    ("ext4 on NVMe against the squashfs floor", "layerboot-ext4-nvme", "floor", "init_ms", 0.62, "6.12-cloud"),
    ("layerboot against busybox", "layerboot", "busybox", "init_ms", 1 / 1.1, "cloud"),
    ("layerboot against overlayroot", "layerboot-ext4", "overlayroot", "init_ms", 1 / 5.9, "cloud 6.12-cloud"),
    ("the same, whole boot", "layerboot-ext4", "overlayroot", "boot_ms", 1 / 1.9, "cloud 6.12-cloud"),
    ("layerboot against live-boot", "layerboot", "live-boot", "init_ms", 1 / 8.7, "cloud 6.12-cloud"),
    ("the same, whole boot", "layerboot", "live-boot", "boot_ms", 1 / 2.2, "cloud 6.12-cloud"),
    ("layerboot against dracut", "layerboot-ext4", "dracut", "init_ms", 1 / 12, "cloud 6.12-cloud"),
    ("the same, whole boot", "layerboot-ext4", "dracut", "boot_ms", 1 / 2.8, "cloud 6.12-cloud"),
    ("layerboot against dracut with systemd", "layerboot-ext4", "dracut-systemd", "init_ms", 1 / 16, "cloud 6.12-cloud"),
    ("the same, whole boot", "layerboot-ext4", "dracut-systemd", "boot_ms", 1 / 3.2, "cloud 6.12-cloud"),
    ("two images against one, whole boot", "layerboot", "layerboot-1", "boot_ms", 1.01, "cloud 6.12-cloud"),
    ("two images against stock with one, whole boot", "layerboot-ext4", "stock", "boot_ms", 0.65, "cloud 6.12-cloud"),
]
# limit: (what, value of the rows by name, at most).
LIMITS = [
    ("each further layer disk, million instructions", 3.0, ("layerboot-4", "layerboot"),
     lambda r: (r["layerboot-4"]["init_minstr"] - r["layerboot"]["init_minstr"]) / 2),
    ("the floor outside of module loading, million instructions", 15.0, ("floor",),
     lambda r: r["floor"]["init_minstr"] - r["floor"]["loading_minstr"]),
    ("bytes of layerboot's initramfs", 1500000, ("layerboot",), lambda r: r["layerboot"]["initramfs_bytes"]),
    ("the same without SCSI", 1500000, ("layerboot-small",), lambda r: r["layerboot-small"]["initramfs_bytes"]),
]


def read(path):
    """The rows of a CSV file of bench-boot, numbers as numbers."""
    try:
        with open(path, encoding="utf-8", newline="") as f:
            reader = csv.DictReader(f)
            if reader.fieldnames != COLUMNS:
                raise ValueError("its first line names other columns")
            rows = list(reader)
        for row in rows:
            for name in MEASURED:
                row[name] = float(row[name]) if row[name] != "" else None
            for name in WHOLE:
                row[name] = int(row[name])
            if any(not row[name] for name in ("init_ms", "init_minstr", "boot_ms", "boot_minstr")):
                raise ValueError("a time is missing")
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise Trouble(f"{path} is no CSV file of bench-boot ({error}); make one with --csv") from None
    if not rows:
        raise Trouble(f"{path} holds no result; make one with --csv")
    return rows


def merge(lists):
    """One row for a contender and a kernel, the last one."""
    return list({(row["kernel"], row["contender"]): row for rows in lists for row in rows}.values())


def csv_text(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def by_kernel(rows):
    kernels = {}
    for row in rows:
        kernels.setdefault(row["kernel"], {})[row["contender"]] = row
    return kernels


def span(row, name):
    return f"{row[name]:,.0f} ({row[name + '_min']:,.0f}-{row[name + '_max']:,.0f})"


def does(row):
    """What a contender does less than the others, in a word."""
    return f"{row['layers']} image{'s' if row['layers'] > 1 else ''}" + ("" if row["union"] == "yes" else ", no union")


def text(rows):
    """Tables in Markdown, a block a kernel, and below each what came of the goals."""
    lines = []
    for kernel, named in by_kernel(rows).items():
        first = next(iter(named.values()))
        kvm = any(row["kvm_init_ms"] is not None for row in named.values())
        lines += [f"{kernel}, {first['release']}, {first['date']}, {first['machine']}", "",
                  "| | does | runs | init, ms | init, M instr. | boot, ms |" + (" KVM init, ms | KVM boot, ms |" if kvm else "")
                  + " initramfs, KB | system calls | modules | their KB |",
                  "|---|---|---|---|---|---|" + ("---|---|" if kvm else "") + "---|---|---|---|"]
        for name, row in named.items():
            wall = "".join(f" {span(row, column)} |" if row[column] is not None else " |"
                           for column in ("kvm_init_ms", "kvm_boot_ms")) if kvm else ""
            lines.append(f"| {name} | {does(row)} | {row['runs']} | {span(row, 'init_ms')} | {span(row, 'init_minstr')} | "
                         f"{span(row, 'boot_ms')} |{wall} {row['initramfs_bytes'] / 1000:,.0f} | {row['syscalls']:,} | "
                         f"{row['modules']} | {row['module_bytes'] / 1000:,.0f} |")
        lines += ["", *(f"{name}: its steps {row['work_ms']:.1f} ms of work, the longest chain of them {row['chain_ms']:.1f}"
                        for name, row in named.items() if row["work_ms"]), *goals(kernel, named), ""]
    return "\n".join(lines).rstrip()


def goals(kernel, named):
    """How the rows stand to what layerboot wants to be."""
    lines = []
    for what, ours, theirs, column, most, kernels in GOALS:
        if kernel in kernels.split() and ours in named and theirs in named:
            clock, ratio = (named[ours][name] / named[theirs][name]
                            for name in (column, column.replace("ms", "minstr")))
            faster = f" ({1 / ratio:.1f} times faster)" if ratio < 0.9 else ""
            lines.append(f"{'met   ' if ratio <= most else 'MISSED'} {what}: {ratio:.3f} times{faster}, goal {most:.3f}; "
                         f"by the clock {clock:.3f}")
    for what, most, names, value in LIMITS:
        if all(name in named for name in names):
            found = value(named)
            lines.append(f"{'met   ' if found <= most else 'MISSED'} {what}: {found:,.1f}, goal {most:,.1f}")
    return lines


def regressions(baseline, rows, tolerance):
    """What is more than TOLERANCE per cent worse, of layerboot itself. Other programs are not ours to watch."""
    before, lines, compared = by_kernel(baseline), [], 0
    for kernel, named in by_kernel(rows).items():
        for name, row in named.items():
            old = before.get(kernel, {}).get(name)
            if old is None or not name.startswith("layerboot"):
                continue
            compared += 1
            lines += [f"{name} on {kernel}: {what}: {old[column]:,} before, {row[column]:,} now "
                      f"({100 * row[column] / old[column] - 100:+.1f} %)"
                      for column, what in WATCHED.items() if row[column] > old[column] * (1 + tolerance / 100)]
    if not compared:
        raise Trouble("the baseline has no contender of layerboot's own on a kernel that was run now")
    return lines


def chart(rows):
    """A block a kernel, a bar a contender: from the kernel's start to the init, and from there to the real init."""
    labels, kernel_part, init_part, y = [], [], [], 0
    total = max(row["boot_ms"] for row in rows)
    for kernel, named in by_kernel(rows).items():
        first = next(iter(named.values()))
        title = f"kernel {first['release']}, {first['date']}, {first['machine']}"
        labels.append(f"set label {quote(title, 110)} at screen 0.012, first {y} left font ',13'")
        for y, (name, row) in enumerate(named.items(), y + 1):
            before = row["boot_ms"] - row["init_ms"]
            kernel_part.append(f"{before / 2} {y} 0 {before} {y - 0.36} {y + 0.36}")
            init_part.append(f"{before} {y} {before} {row['boot_ms']} {y - 0.36} {y + 0.36}")
            labels.append(f"set label {quote(f'{name}, {does(row)}', 40)} at screen 0.285, first {y} right "
                          "textcolor rgb '#404040'")
            labels.append(f"set label '{row['init_ms']:,.0f} of {row['boot_ms']:,.0f} ms' at screen 0.988, first {y} right")
        y += 2
    height, step = 118 + 21 * y, tick(int(total))
    plot = "using 1:2:3:4:5:6 with boxxyerror fillstyle solid noborder linecolor rgb"
    return "\n".join([
        "set encoding utf8", f"set terminal svg size 900,{height} noenhanced background 'white' font 'sans-serif,12'",
        "set lmargin at screen 0.295", "set rmargin at screen 0.86",
        f"set tmargin at screen {1 - 46 / height}", f"set bmargin at screen {60 / height}",
        f"set key at screen 0.5, screen {1 - 22 / height} center horizontal noenhanced reverse Left samplen 1.2",
        f"set xrange [0:{total * 1.005}]", f"set yrange [{y - 1}:-0.8]", "set border 1 linecolor rgb '#606060'",
        f"set xtics nomirror out {step}", "set grid xtics linetype 1 linecolor rgb '#e4e4e4'", "unset ytics",
        "set xlabel 'milliseconds since the start of the kernel, by instruction count' offset 0,0.4",
        *labels, "$kernel << EOD", *kernel_part, "EOD", "$init << EOD", *init_part, "EOD",
        f"plot $kernel {plot} '#c8c8c8' title 'kernel', $init {plot} '#0072b2' title 'initramfs, to the real init'", ""])
