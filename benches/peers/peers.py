"""What a practitioner would use instead, at the budgets of `cargo bench --bench arrange`.

    pip install -r benches/peers/requirements.txt
    python benches/peers/peers.py > theirs.jsonl
    python benches/peers/peers.py ga @N30-3 > some.jsonl

One line of JSON a result: instance, method, seed, evaluations, processor seconds, cost. An evaluation is one order
costed in full (these tools have no deltas), by the integral of the cut. Plans under constraints: `plans.py`.
"""

import json
import math
import os
import random
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(1, 11)
CHECKPOINTS = (200, 1_000, 5_000)
# Processor seconds after which the best so far is told: for comparisons at equal time.
MOMENTS = (0.1, 0.5)
ORDERS = {
    "srflp.json": ("N30-3", "AKV60_1"),
    "migration_graphs.json": ("hotel.unit", "social-network.grouped", "social-network.unit", "train-ticket.unit"),
    "minla_petit.json": ("gd96b", "gd96d"),
}


class Order:
    """An arrangement: cost of a permutation."""

    def __init__(self, name, lengths, edges):
        self.name, self.n = name, len(lengths)
        self.lengths = np.array(lengths, float)
        self.a = np.array([edge[0] for edge in edges])
        self.b = np.array([edge[1] for edge in edges])
        self.w = np.array([edge[2] if len(edge) > 2 else 1 for edge in edges], float)

    def cost(self, order):
        length = self.lengths[order]
        centre = np.empty(self.n)
        centre[order] = np.cumsum(length) - length / 2
        return float(self.w @ np.abs(centre[self.a] - centre[self.b]))


class Meter:
    """Counts evaluations, keeps the best, and says it at the checkpoints and at moments of processor time."""

    def __init__(self, problem, method, seed, checkpoints):
        self.problem, self.method, self.seed = problem, method, seed
        self.checkpoints, self.count, self.best = list(checkpoints), 0, math.inf
        self.moments = list(MOMENTS)
        self.start = time.process_time()

    def __call__(self, order):
        cost = self.problem.cost(order)
        self.count += 1
        while self.moments and time.process_time() - self.start > self.moments[0]:
            # What was best when the time was up: this evaluation ended after it.
            self.say(self.moments.pop(0))
        self.best = min(self.best, cost)
        if self.checkpoints and self.count == self.checkpoints[0]:
            self.checkpoints.pop(0)
            self.say()
        return cost

    def say(self, moment=None):
        print(json.dumps({
            "instance": self.problem.name, "method": self.method, "seed": self.seed, "evaluations": self.count,
            "seconds": time.process_time() - self.start, "cost": self.best if self.best < math.inf else None,
            "moment": moment,
        }), flush=True)


def longer(checkpoints):
    """Budgets of methods that are quick at an evaluation: also what about 0.1 s and 0.5 s are enough for."""
    return (*checkpoints, 10_000, 40_000)


def random_search(problem, seed, checkpoints):
    meter, draw = Meter(problem, "random", seed, checkpoints), np.random.default_rng(seed)
    for _ in range(checkpoints[-1]):
        meter(draw.permutation(problem.n))


def plain_annealing(problem, seed, checkpoints):
    """Insertions, full evaluation, geometric cooling from an acceptance of about 0.8: one run a budget."""
    for budget in checkpoints:
        draw = random.Random(seed)
        meter = Meter(problem, "annealing", seed, [budget])
        now = list(range(problem.n))
        draw.shuffle(now)
        cost = meter(np.array(now))
        samples = []
        for _ in range(20):
            other = now[:]
            other.insert(draw.randrange(problem.n), other.pop(draw.randrange(problem.n)))
            samples.append(abs(meter(np.array(other)) - cost))
        first = max(np.mean(samples), 1e-9) / 0.22
        left = budget - meter.count
        for step in range(left):
            temperature = first * (0.001 ** (step / max(left - 1, 1)))
            other = now[:]
            other.insert(draw.randrange(problem.n), other.pop(draw.randrange(problem.n)))
            new = meter(np.array(other))
            if new <= cost or draw.random() < math.exp((cost - new) / temperature):
                now, cost = other, new


def pymoo_run(problem, seed, checkpoints, many):
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.operators.crossover.ox import OrderCrossover
    from pymoo.operators.mutation.inversion import InversionMutation
    from pymoo.operators.sampling.rnd import PermutationRandomSampling
    from pymoo.optimize import minimize

    meter = Meter(problem, "pymoo NSGA-II" if many else "pymoo GA", seed, checkpoints)

    class Wrapped(ElementwiseProblem):
        def __init__(self):
            super().__init__(n_var=problem.n, n_obj=2 if many else 1, xl=0, xu=problem.n - 1, vtype=int)

        def _evaluate(self, x, out, *args, **kwargs):
            cost = meter(x)
            # The second objective of NSGA-II: how late the first tenth of the numbers moves, a stand-in for urgency.
            out["F"] = [cost, float(np.argsort(x)[: max(1, problem.n // 10)].sum())] if many else cost

    algorithm = (NSGA2 if many else GA)(
        pop_size=50, sampling=PermutationRandomSampling(), crossover=OrderCrossover(), mutation=InversionMutation(),
        eliminate_duplicates=True,
    )
    minimize(Wrapped(), algorithm, ("n_eval", checkpoints[-1]), seed=seed)
    if meter.checkpoints:
        meter.say()


def optuna_run(problem, seed, checkpoints):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    meter = Meter(problem, "Optuna TPE", seed, checkpoints)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    keys = [f"k{i}" for i in range(problem.n)]
    study.optimize(
        lambda trial: meter(np.argsort([trial.suggest_float(key, 0, 1) for key in keys])), n_trials=checkpoints[-1])


def cp_sat_order(problem, seconds):
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    # Doubled lengths keep centres whole.
    lengths = [round(2 * length) for length in problem.lengths]
    total = sum(lengths)
    starts = [model.new_int_var(0, total - length, f"s{i}") for i, length in enumerate(lengths)]
    model.add_no_overlap([model.new_fixed_size_interval_var(s, l, f"i{i}") for i, (s, l) in enumerate(zip(starts, lengths))])
    terms = []
    for a, b, w in zip(problem.a, problem.b, problem.w):
        apart = model.new_int_var(0, total, "")
        gap = 2 * starts[a] + lengths[a] - 2 * starts[b] - lengths[b]
        model.add(2 * apart >= gap)
        model.add(2 * apart >= -gap)
        terms.append(round(w) * apart)
    model.minimize(sum(terms))
    return model, 2.0, seconds


def cp_sat(problem, seconds):
    from ortools.sat.python import cp_model

    model, scale, seconds = cp_sat_order(problem, seconds)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    # Deterministic time: about a second of a core each, so a busy machine changes nothing.
    solver.parameters.max_deterministic_time = seconds
    start = time.process_time()
    status = solver.solve(model)
    print(json.dumps({
        "instance": problem.name, "method": "CP-SAT", "seed": 1, "evaluations": None,
        "seconds": time.process_time() - start,
        "cost": solver.objective_value / scale if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None,
        "bound": solver.best_objective_bound / scale, "status": solver.status_name(status),
    }), flush=True)


def problems():
    for file, names in ORDERS.items():
        document = json.loads((ROOT / "tests/cases" / file).read_text())
        for case in document.get("instances") or document["cases"]:
            name = case.get("name") or case.get("id")
            if name in names:
                n = case.get("n") or len(case.get("lengths") or case["services"])
                edges = case.get("weights") or case.get("calls") or case["edges"]
                yield Order(name, case.get("lengths") or [1] * n, edges)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["random", "annealing", "ga", "nsga2", "cpsat", "optuna"]
    only = [word[1:] for word in wanted if word.startswith("@")]
    for problem in problems():
        if only and problem.name not in only:
            continue
        checkpoints = CHECKPOINTS
        if "cpsat" in wanted:
            cp_sat(problem, 10)
        for seed in SEEDS:
            if "random" in wanted:
                random_search(problem, seed, longer(checkpoints))
            if "annealing" in wanted:
                plain_annealing(problem, seed, longer(checkpoints))
            if "ga" in wanted:
                pymoo_run(problem, seed, checkpoints, many=False)
            if "nsga2" in wanted:
                pymoo_run(problem, seed, checkpoints, many=True)
            # Two seconds a trial at 60 variables: 200 trials, three seeds.
            if "optuna" in wanted and seed <= 3:
                optuna_run(problem, seed, checkpoints[:1])
