"""Medians and quartiles of ours and theirs at equal evaluations and at equal time, as tables and a chart.

    python benches/peers/table.py ours.jsonl theirs.jsonl > tables.md      # and docs/search-peers.svg

Gaps are percent above the best value that any run of either file, or the published optimum, has. At equal processor time a method counts
with the best that it had when the time was up: within a run, or in the runs with a smaller budget of evaluations that ended by then.
"""

import json
import math
import statistics
import sys
from pathlib import Path

BEST = {"N30-3": 45449, "AKV60_1": 1477834, "hotel.unit": 47, "social-network.grouped": 74, "train-ticket.unit": 441,
        "social-network.unit": 139, "gd96b": 1416, "gd96d": 2391}
INK = {"cutover": "#009e73", "annealing": "#0072b2", "pymoo GA": "#e69f00", "pymoo NSGA-II": "#cc79a7",
       "Optuna TPE": "#56b4e9", "random": "#777777", "CP-SAT": "#d55e00"}
EVALUATIONS, MOMENTS = (200, 1_000, 5_000), (0.1, 0.5)


def read(paths):
    rows = [json.loads(line) for path in paths for line in Path(path).read_text().splitlines()]
    return [row for row in rows if row["cost"] is not None]


def at_evaluations(rows, budget):
    """Cost by (instance, method, seed) of runs that spent about a budget of evaluations."""
    found = {}
    for row in rows:
        spent = row["evaluations"]
        if row.get("moment") is None and spent and budget <= spent < budget * 1.05:
            found[row["instance"], row["method"], row["seed"]] = row["cost"]
    return found


def at_moment(rows, moment):
    """Cost by (instance, method, seed) of what was there after so much time."""
    found = {}
    for row in rows:
        if row["evaluations"] is None:
            continue
        told = row.get("moment") == moment or (row.get("moment") is None and row["seconds"] <= moment)
        if told:
            key = row["instance"], row["method"], row["seed"]
            found[key] = min(row["cost"], found.get(key, math.inf))
    return found


def quartiles(values):
    if len(values) < 3:
        return statistics.median(values), None, None
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def gaps(found, best, instances):
    """Quartiles of the gap by method and instance."""
    lists = {}
    for (instance, method, _), cost in found.items():
        if instance not in best:
            continue
        lists.setdefault((method, instance), []).append(100 * (cost / best[instance] - 1))
    return {key: quartiles(values) for key, values in lists.items() if key[1] in instances}


def shown(value):
    if value is None:
        return ""
    return "0" if abs(value) < 0.005 else f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def table(title, cells, instances):
    methods = sorted({method for method, _ in cells}, key=lambda one: (one == "cutover", one != "random", one))
    print(f"\n| {title} | " + " | ".join(instances) + " |\n|---" * 1 + "|---" * len(instances) + "|")
    for method in methods:
        row = []
        for instance in instances:
            middle, low, high = cells.get((method, instance), (None, None, None))
            row.append("" if middle is None else shown(middle) + (f" [{shown(low)}, {shown(high)}]" if low is not None else ""))
        name = "**ours**" if method == "cutover" else method
        print(f"| {name} | " + " | ".join(row) + " |")


def chart(cells, instances, moment, target, most=400):
    methods = [one for one in INK if any((one, instance) in cells for instance in instances)]
    line, left, width, top = 17, 190, 860, 64
    right, block = width - 40, 17 * len(methods) + 16
    height = top + block * len(instances) + 58
    x = lambda gap: left + (right - left) * math.log10(1 + max(gap, 0) / 0.1) / math.log10(1 + most / 0.1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="DejaVu Sans, Verdana, sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="20" y="26" font-size="16">Percent above the best known after {moment:g} s: median and quartiles of 10 seeds</text>',
           '<text x="20" y="46" fill="#666">0 is the best known value; processor seconds of one core</text>']
    for tick in (0, 0.1, 1, 10, 100):
        out.append(f'<path d="M{x(tick):.1f} {top}V{height - 52}" stroke="#e3e6e8"/>')
        out.append(f'<text x="{x(tick):.1f}" y="{height - 36}" text-anchor="middle" fill="#666">{tick:g} %</text>')
    for at, instance in enumerate(instances):
        base = top + block * at + 14
        out.append(f'<text x="{left - 14}" y="{base + line * len(methods) / 2:.0f}" text-anchor="end">{instance}</text>')
        for row, method in enumerate(methods):
            middle, low, high = cells.get((method, instance), (None, None, None))
            if middle is None:
                continue
            y = base + line * row
            low, high = (middle, middle) if low is None else (low, high)
            out.append(f'<path d="M{x(low):.1f} {y}H{x(high):.1f}" stroke="{INK[method]}" stroke-width="3"/>')
            out.append(f'<circle cx="{x(middle):.1f}" cy="{y}" r="4.5" fill="{INK[method]}"/>')
            out.append(f'<text x="{x(high) + 9:.1f}" y="{y + 4}" fill="#444" font-size="10">{shown(middle)}</text>')
    place = left
    for method in methods:
        name = "cutover" if method == "cutover" else method
        out.append(f'<circle cx="{place}" cy="{height - 14}" r="4.5" fill="{INK[method]}"/>')
        out.append(f'<text x="{place + 10}" y="{height - 10}">{name}</text>')
        place += 34 + 7.4 * len(name)
    Path(target).write_text("\n".join([*out, "</svg>", ""]))


if __name__ == "__main__":
    rows = read(sys.argv[1:])
    theirs = {row["instance"] for row in rows if row["method"] != "cutover"}
    instances = [one for one in BEST if one in theirs]
    best = {one: min([row["cost"] for row in rows if row["instance"] == one] + [BEST.get(one, math.inf)]) for one in instances}
    for budget in EVALUATIONS:
        table(f"{budget:,} evaluations", gaps(at_evaluations(rows, budget), best, instances), instances)
    for moment in MOMENTS:
        table(f"{moment:g} s", gaps(at_moment(rows, moment), best, instances), instances)
    chart(gaps(at_moment(rows, 0.5), best, instances), instances, 0.5,
          Path(__file__).resolve().parents[2] / "docs" / "search-peers.svg")
    exact = [row for row in rows if row["evaluations"] is None]
    for row in exact:
        print(f"\nCP-SAT {row['instance']}: {row['cost']} (bound {row['bound']}, {row['status']}) in {row['seconds']:.0f} s")
