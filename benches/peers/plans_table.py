"""Tables and chart of `plans.py` and `plans ours`.

    python benches/peers/plans_table.py ours.jsonl theirs.jsonl > tables.md      # and docs/search-plans.svg
"""

import sys
from pathlib import Path

import table

ORDERS, MOMENTS = (200, 1_000), (1.0, 5.0)


def told(rows, key, value):
    return {(row["instance"], row["method"], row["seed"]): row["cost"] for row in rows if row.get(key) == value}


if __name__ == "__main__":
    rows = table.read(sys.argv[1:])
    instances = sorted({row["instance"] for row in rows if row["method"] != "cutover"}, key=lambda one: int(one.split("-")[1]))
    best = {one: min(row["cost"] for row in rows if row["instance"] == one) for one in instances}
    for orders in ORDERS:
        table.table(f"{orders:,} packed orders", table.gaps(told(rows, "evaluations", orders), best, instances), instances)
    for moment in MOMENTS:
        table.table(f"{moment:g} s", table.gaps(told(rows, "moment", moment), best, instances), instances)
    table.chart(table.gaps(told(rows, "moment", MOMENTS[-1]), best, instances), instances, MOMENTS[-1],
                Path(__file__).resolve().parents[2] / "docs" / "search-plans.svg", most=1_000)
    for row in rows:
        if row["method"] == "CP-SAT":
            gap = 100 * (row["cost"] / best[row["instance"]] - 1)
            print(f"\nCP-SAT {row['instance']}: {gap:.0f} % above after {row['seconds']:.0f} s ({row['status']}, its own gap {100 * row['gap']:.0f} %)")
