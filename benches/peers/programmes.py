"""Generates programmes with teams and change windows: services with effort of a team, the target's room, precedence.

A day is a tick. Each team works with one or two people at a time and is away for a week somewhere; everything rests on two
freezes of a week. Fixed seeds: running it again writes the same `programmes.json`.
"""

import json
import random
from pathlib import Path


def programme(services: int, teams: int, seed: int) -> dict:
    draw = random.Random(seed)
    resources = [
        {"capacity": draw.choice([1, 2]), "closed": [[first, first + 5]]}
        for first in (draw.randrange(5, 60) for _ in range(teams))
    ]
    freezes = [[20, 25], [45, 50]]
    resources.append({"capacity": max(3, services // 12), "closed": freezes})
    activities = []
    for number in range(services):
        team = min(int(draw.paretovariate(1.2)) - 1, teams - 1)
        before = [draw.randrange(max(0, number - 15), number) for _ in range(draw.choice([0, 0, 1, 1, 2])) if number]
        activities.append({
            "days": draw.choice([1, 1, 2, 2, 3, 4]),
            "requests": [[team, 1], [teams, 1]],
            "after": sorted(set(before)),
        })
    return {"name": f"programme-{services}", "activities": activities, "resources": resources}


if __name__ == "__main__":
    programmes = [programme(30, 5, 1), programme(60, 8, 2), programme(120, 15, 3)]
    target = Path(__file__).with_name("programmes.json")
    target.write_text(json.dumps({"programmes": programmes}, separators=(",", ":")) + "\n")
