"""Other tools on plans under constraints: orders of move groups, cut into waves and costed by this program's own packer.

    cargo build --release --bench plans          # the judge; its path is the first argument
    python benches/peers/plans.py target/release/deps/plans-HASH PROGRAMME.yaml.. > theirs.jsonl

Every tool has feasible plans from the packer, which knows teams, windows, precedence, room and critical services; what
differs is the order. An evaluation is one packed order. Times are processor seconds, the judge's included. CP-SAT has a
model of its own (groups to waves of fixed starts, with sizes, team effort, critical services and precedence); the order
that comes of it is costed by the same packer.
"""

import json
import math
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SEEDS = range(1, 11)
ORDERS = (200, 1_000)
MOMENTS = (1.0, 5.0)


class Judge:
    """One programme's packer in a process of its own."""

    def __init__(self, binary, file):
        self.name = Path(file).stem
        self.model = json.loads(subprocess.run([binary, "model", file], capture_output=True, check=True).stdout)
        self.n = len(self.model["groups"])
        self.process = subprocess.Popen([binary, "serve", file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.used = 0.0

    def cost(self, order):
        self.process.stdin.write(json.dumps([int(one) for one in order]) + "\n")
        self.process.stdin.flush()
        cost, self.used = json.loads(self.process.stdout.readline())
        return cost


class Meter:
    """Counts packed orders, keeps the best, and says it at the budgets."""

    def __init__(self, judge, method, seed, orders=ORDERS, moments=MOMENTS):
        self.judge, self.method, self.seed = judge, method, seed
        self.orders, self.moments = list(orders), list(moments)
        self.count, self.best = 0, math.inf
        self.start, self.used = time.process_time(), judge.used

    def seconds(self):
        return time.process_time() - self.start + self.judge.used - self.used

    def over(self):
        return not self.orders and not self.moments

    def __call__(self, order):
        cost = self.judge.cost(order)
        self.count += 1
        while self.moments and self.seconds() > self.moments[0]:
            # What was best when the time was up: this evaluation ended after it.
            self.say(None, self.moments.pop(0))
        self.best = min(self.best, cost)
        if self.orders and self.count == self.orders[0]:
            self.say(self.orders.pop(0), None)
        return cost

    def say(self, orders, moment):
        print(json.dumps({
            "instance": self.judge.name, "method": self.method, "seed": self.seed, "evaluations": orders, "moment": moment,
            "seconds": self.seconds(), "cost": self.best if self.best < 1e14 else None,
        }), flush=True)


def random_search(judge, seed):
    meter, draw = Meter(judge, "random", seed), np.random.default_rng(seed)
    while not meter.over():
        meter(draw.permutation(judge.n))


def annealing(judge, seed):
    """Insertions, each packed in full, geometric cooling from an acceptance of about 0.8: one run a budget."""
    budgets = [(orders, None) for orders in ORDERS] + [(None, moment) for moment in MOMENTS]
    for orders, moment in budgets:
        draw = random.Random(seed)
        meter = Meter(judge, "annealing", seed, [orders] if orders else [], [moment] if moment else [])
        now = list(range(judge.n))
        draw.shuffle(now)
        cost, samples = meter(now), []
        while cost > 1e14:
            draw.shuffle(now)
            cost = meter(now)
            if meter.over():
                break
        for _ in range(20):
            other = now[:]
            other.insert(draw.randrange(judge.n), other.pop(draw.randrange(judge.n)))
            other_cost = meter(other)
            if other_cost < 1e14:
                samples.append(abs(other_cost - cost))
        first = max(float(np.mean(samples)) if samples else 1.0, 1e-9) / 0.22
        while not meter.over():
            spent = meter.count / orders if orders else meter.seconds() / moment
            temperature = first * 0.001 ** min(spent, 1.0)
            other = now[:]
            other.insert(draw.randrange(judge.n), other.pop(draw.randrange(judge.n)))
            new = meter(other)
            if new <= cost or draw.random() < math.exp(max((cost - new) / temperature, -700.0)):
                now, cost = other, new


def pymoo_run(judge, seed, many):
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.operators.crossover.ox import OrderCrossover
    from pymoo.operators.mutation.inversion import InversionMutation
    from pymoo.operators.sampling.rnd import PermutationRandomSampling

    meter = Meter(judge, "pymoo NSGA-II" if many else "pymoo GA", seed)

    class Wrapped(ElementwiseProblem):
        def __init__(self):
            super().__init__(n_var=judge.n, n_obj=2 if many else 1, xl=0, xu=judge.n - 1, vtype=int)

        def _evaluate(self, x, out, *args, **kwargs):
            cost = meter(x)
            # The second objective of NSGA-II: how late the first tenth of the groups moves, a stand-in for urgency.
            out["F"] = [cost, float(np.argsort(x)[: max(1, judge.n // 10)].sum())] if many else cost

    algorithm = (NSGA2 if many else GA)(
        pop_size=50, sampling=PermutationRandomSampling(), crossover=OrderCrossover(), mutation=InversionMutation(),
        eliminate_duplicates=True,
    )
    algorithm.setup(Wrapped(), termination=("n_gen", 100_000), seed=seed, verbose=False)
    while not meter.over() and algorithm.has_next():
        algorithm.next()


def optuna_run(judge, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    meter = Meter(judge, "Optuna TPE", seed, ORDERS[:1], MOMENTS)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    keys = [f"k{i}" for i in range(judge.n)]

    def objective(trial):
        cost = meter(np.argsort([trial.suggest_float(key, 0, 1) for key in keys]))
        if meter.over():
            study.stop()
        return cost

    study.optimize(objective, n_trials=100_000)


def cp_sat(judge, seconds):
    from ortools.sat.python import cp_model

    facts, model = judge.model, cp_model.CpModel()
    starts = [round(start / 3600) for start in facts["wave_seconds"]]
    waves, groups = range(len(starts)), range(judge.n)
    place = [[model.new_bool_var("") for _ in waves] for _ in groups]
    at = [model.new_int_var(min(starts), max(starts), "") for _ in groups]
    for group in groups:
        model.add_exactly_one(place[group])
        model.add(at[group] == sum(starts[wave] * place[group][wave] for wave in waves))
    for wave in waves:
        model.add(sum(facts["groups"][group] * place[group][wave] for group in groups) <= facts["wave_services"])
        if facts["critical_at_once"]:
            model.add(sum(place[group][wave] for group in groups if facts["critical"][group]) <= facts["critical_at_once"])
    for team, done in enumerate(facts["done"]):
        work = [(group, round(10 * effort)) for group in groups for other, effort in facts["efforts"][group] if other == team]
        for wave in waves:
            model.add(sum(effort * place[group][other] for group, effort in work for other in waves if other <= wave)
                      <= math.floor(10 * done[wave] + 1e-6))
    for first, then in facts["before"]:
        model.add(at[first] <= at[then])
    terms = []
    for one, other, calls in facts["traffic"]:
        apart = model.new_int_var(0, max(starts) - min(starts), "")
        model.add(apart >= at[one] - at[other])
        model.add(apart >= at[other] - at[one])
        terms.append(max(1, round(1000 * calls)) * apart)
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    # Deterministic time: about a second of a core each, so a busy machine changes nothing.
    solver.parameters.max_deterministic_time = seconds
    begin = time.process_time()
    status = solver.solve(model)
    used, cost = time.process_time() - begin, None
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        cost = judge.cost(sorted(groups, key=lambda group: solver.value(at[group])))
    print(json.dumps({
        "instance": judge.name, "method": "CP-SAT", "seed": 1, "evaluations": None, "moment": seconds, "seconds": used,
        "cost": cost if cost is not None and cost < 1e14 else None, "status": solver.status_name(status),
        "gap": 1 - solver.best_objective_bound / max(solver.objective_value, 1e-9) if cost is not None else None,
    }), flush=True)


if __name__ == "__main__":
    binary, *words = sys.argv[1:]
    files = [word for word in words if word.endswith(".yaml")]
    wanted = [word for word in words if not word.endswith(".yaml")] or ["random", "annealing", "ga", "nsga2", "optuna", "cpsat"]
    for file in files:
        judge = Judge(binary, file)
        if "cpsat" in wanted:
            cp_sat(judge, 5.0)
            cp_sat(judge, 60.0)
        for seed in SEEDS:
            if "random" in wanted:
                random_search(judge, seed)
            if "annealing" in wanted:
                annealing(judge, seed)
            if "ga" in wanted:
                pymoo_run(judge, seed, many=False)
            if "nsga2" in wanted:
                pymoo_run(judge, seed, many=True)
            if "optuna" in wanted and seed <= 3:
                optuna_run(judge, seed)
        judge.process.stdin.close()
        judge.process.wait()
