# SPDX-License-Identifier: Apache-2.0
"""What the unit tests reach of kernel/p2m and kernel/iommu: coverage.py ROOT BUILD EXCEPTIONS [-v]

BUILD holds the program `whole` and the profiles NAME.profraw of the programs checked_NAME. Exit status 1 when less than all lines or
less than BRANCHES per cent of the branches ran, leaving out what EXCEPTIONS lists, a line each:
    FILE: LINE TEXT [# reason]   every line of FILE that contains LINE TEXT, without its indentation
An exception that fits no line, or only lines that run, is an error, too: the list says what is true.
"""
import collections
import json
import pathlib
import subprocess
import sys

FOLDERS = ("kernel/p2m/", "kernel/iommu/")
BRANCHES = 95.0


def run(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


def export(build: pathlib.Path) -> dict:
    profiles = sorted(build.glob("*.profraw"))
    programs = [str(build / f"checked_{p.stem}") for p in profiles]
    if not programs:
        sys.exit(f"coverage: no profiles in {build}: ctest -R checked makes them")
    run("llvm-profdata", "merge", "-sparse", "-o", str(build / "all.profdata"), *map(str, profiles))
    # The whole core first: it has what no program links, too.
    objects = [word for p in programs for word in ("-object", p)]
    return json.loads(run("llvm-cov", "export", f"-instr-profile={build / 'all.profdata'}", str(build / "whole"), *objects))


def lines_of(segments: list) -> dict[int, int]:
    """Line: how often it ran, as llvm-cov counts it: the highest of the counts that begin in it or reach into it."""
    counts: dict[int, int] = {}
    wrap = None
    by_line = collections.defaultdict(list)
    for s in segments:
        by_line[s[0]].append(s)
    for line in range(segments[0][0], segments[-1][0] + 1) if segments else ():
        here = by_line[line]
        starts = [s for s in here if s[3] and s[4] and not s[5]]
        mapped = bool(starts) or (wrap is not None and wrap[3])
        if here and not here[0][3] and here[0][4]:  # a skipped region begins
            mapped = False
        if mapped:
            counts[line] = max([s[2] for s in starts] + ([wrap[2]] if wrap is not None and wrap[3] else []))
        if here:
            wrap = here[-1]
    return counts


def branches_of(data: dict, path: str) -> dict[tuple, list[int]]:
    """Place of a condition: how often it was true and false, over all programs. Constants fold to none."""
    found: dict[tuple, list[int]] = {}
    for f in data["functions"]:
        for b in f.get("branches", []):
            if f["filenames"][b[6]] != path:
                continue
            both = found.setdefault(tuple(b[:4]), [0, 0])
            both[0] += b[4]
            both[1] += b[5]
    return found


def exceptions_read(path: pathlib.Path) -> list[tuple[str, str]]:
    found = []
    for line in path.read_text().splitlines():
        line = line.split("  # ")[0].strip()
        if line and not line.startswith("#"):
            name, _, text = line.partition(": ")
            found.append((name, text))
    return found


def main() -> int:
    root, build, listed = (pathlib.Path(a) for a in sys.argv[1:4])
    verbose = "-v" in sys.argv[4:]
    data = export(build)["data"][0]
    exceptions = exceptions_read(listed)
    used: set[tuple[str, str]] = set()
    total = collections.Counter()
    failed = False
    print(f"{'':38} lines        branches")
    for file in sorted(data["files"], key=lambda f: f["filename"]):
        name = file["filename"].removeprefix(f"{root}/")
        if not name.startswith(FOLDERS):
            continue
        text = (root / name).read_text().splitlines()

        def excepted(line: int) -> bool:
            fits = [e for e in exceptions if e[0] == name and e[1] in text[line - 1]]
            used.update(fits)
            return bool(fits)

        lines = lines_of(file["segments"])
        missed = [n for n, count in lines.items() if not count and not excepted(n)]
        branches = branches_of(data, file["filename"])
        open_branches = [(p[0], i) for p, n in branches.items() for i in (0, 1) if not n[i] and not excepted(p[0])]
        total["lines"] += len(lines)
        total["missed"] += len(missed)
        total["branches"] += 2 * len(branches)
        total["open"] += len(open_branches)
        print(f"{name:38} {len(lines) - len(missed):4} of {len(lines):4} {2 * len(branches) - len(open_branches):4} of {2 * len(branches):4}")
        for n in missed:
            print(f"    {name}:{n}: never runs: {text[n - 1].strip()}")
        for n, side in open_branches if verbose else ():
            print(f"    {name}:{n}: never {('true', 'false')[side]}: {text[n - 1].strip()}")
    for name, line in exceptions:
        if (name, line) not in used:
            print(f"{listed.name}: {name}: {line}: fits nothing that is missed")
            failed = True
    percent = [100 - 100 * total[m] / max(total[t], 1) for m, t in (("missed", "lines"), ("open", "branches"))]
    print(f"lines {percent[0]:.2f} % (100 are right), branches {percent[1]:.2f} % ({BRANCHES:.0f} are right)")
    return 1 if failed or total["missed"] or percent[1] < BRANCHES or not total["lines"] else 0


if __name__ == "__main__":
    sys.exit(main())
