#!/usr/bin/env python3
"""Tables of `benches/results/*.json` for the book.

    python3 benches/report.py            # print
    python3 benches/report.py --write    # put them into docs/benchmarks.md, between its markers
"""
import glob
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, "benches", "results")
PAGE = os.path.join(ROOT, "docs", "benchmarks.md")
sys.path.insert(0, os.path.join(ROOT, "benches", "peers"))

import table


def load(pattern):
    for path in sorted(glob.glob(os.path.join(RESULTS, pattern))):
        with open(path) as file:
            yield json.load(file)


def place(machine):
    load_averages = ", ".join(str(load) for load in machine["load"])
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine.get('threads', machine['cores'])} threads, "
        f"{machine['memory_bytes'] / 1e9:.1f} GB, {machine['os']}, load {load_averages}"
    )


def floors():
    rows, where = [], []
    for result in load("floor-*.json"):
        floor = result["floor"]
        parts = ("commit_ms", "interpolate_ms", "coset_ms", "quotient_ms", "opening_ms", "floor_ms", "library_floor_ms")
        cells = " | ".join(f"{floor[part]:,.0f}" for part in parts)
        rows.append(f"| `{result['profile']}` | {floor['columns']} × 2^{floor['k']} | {cells} | {result['floor_per_msm16']:.2f} |")
        where.append(place(result["machine"]))
    if not rows:
        return "No result yet: `zkpoc bench floor PROFILE --out benches/results`."
    head = "| profile | columns | commit, ms | inverse transforms | cosets | quotient | opening | floor | library's floor | floor / msm16 |"
    return "\n".join([head, "|" + "---|" * 10, *rows, "", "; ".join(dict.fromkeys(where)) + "."])


def proofs():
    rows, where = [], []
    for result in load("prove-*.json"):
        summary, training = result["summary"], result["summary"]["training"]
        middle = lambda value, unit=1.0, digits=0: f"{value['median'] * unit:,.{digits}f}"
        cells = [
            middle(training["witness_ms"]),
            f"{middle(training['prove_ms'])} ({training['prove_ms']['least']:,.0f}–{training['prove_ms']['most']:,.0f})",
            middle(training["verify_ms"], 1.0, 1),
            middle(training["peak_rss_bytes"], 1e-6) if "peak_rss_bytes" in training else "-",
            middle(training["pk_bytes"]),
            middle(training["proof_bytes"]),
            middle(summary["prove_per_floor"], 1.0, 2),
            middle(summary["prove_per_msm16"], 1.0, 1),
            middle(summary["prove_per_native_step"], 1.0, 0),
        ]
        rows.append(f"| `{result['profile']}` | {' | '.join(cells)} |")
        where.append(place(result["machine"]))
    if not rows:
        return "No result yet: `zkpoc bench prove PROFILE --out benches/results`."
    head = "| profile | witness, ms | proof, ms | verification, ms | peak, MB | proving key, B | proof, B | / floor | / msm16 | / native step |"
    return "\n".join([head, "|" + "---|" * 10, *rows, "", "; ".join(dict.fromkeys(where)) + "."])


def scale():
    results = list(load("scale.json"))
    if not results:
        return "No result yet: `zkpoc bench scale --out benches/results`."
    result = results[0]
    lines = [
        "| sweep | layers | batch | parameters | k | columns | proof, s | keys, s | SRS, s | peak, MB | proof, B |",
        "|" + "---|" * 11,
    ]
    for entry in result["points"]:
        layers = "-".join(str(width) for width in entry.get("layers", [])) or entry["asked"]
        shape = [entry["sweep"], layers, str(entry.get("batch", "-")), f"{entry.get('parameters', 0):,}", str(entry.get("k", "-"))]
        point = entry["point"]
        if point is None:
            lines.append(f"| {' | '.join(shape)} | not measured: {entry['reason']} | | | | | |")
            continue
        proof = point["training"]
        peak = proof["peak_rss_bytes"]
        figures = [
            str(proof["advice_columns"]),
            f"{proof['prove_ms'] / 1e3:,.2f}",
            f"{proof['keygen_ms'] / 1e3:,.2f}",
            f"{point['srs_ms'] / 1e3:,.2f}",
            "-" if peak is None else f"{peak / 1e6:,.0f}",
            f"{proof['proof_bytes']:,}",
        ]
        lines.append(f"| {' | '.join(shape + figures)} |")
    lines += ["", *(f"- {law['sentence']}" for law in result["laws"]), "", place(result["machine"]) + ".", ""]
    for sweep in ("parameters", "batch"):
        for what in ("time", "memory"):
            name = f"scale-{sweep}-{what}.svg"
            if os.path.exists(os.path.join(RESULTS, name)):
                lines.append(f"![{what} against {sweep}](../benches/results/{name})")
    return "\n".join(lines)


def peers():
    results = list(load("peers.json"))
    if not results:
        return "No result yet: `python3 benches/peers/run.py`."
    return re.sub(r"^# .*\n", "", table.render(results[0])).strip()


PARTS = {"floor": floors, "prove": proofs, "scale": scale, "peers": peers}


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        raise SystemExit(__doc__)
    if not sys.argv[1:]:
        for name, part in PARTS.items():
            print(f"## {name}\n\n{part()}\n")
        return
    with open(PAGE) as file:
        page = file.read()
    for name, part in PARTS.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text = part()
        page, count = marks.subn(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page)
        if count != 1:
            raise SystemExit(f"{PAGE} has no place for {name}: expected one pair of markers")
    partial = PAGE + ".partial"
    with open(partial, "w") as file:
        file.write(page)
    os.replace(partial, PAGE)


if __name__ == "__main__":
    main()
