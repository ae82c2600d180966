#!/usr/bin/env python3
"""zkpoc beside EZKL: the same training steps, same machine, same threads, in turn. See README.md.

    python3 benches/peers/run.py              # everything: an hour or more
    python3 benches/peers/run.py --quick      # a tiny shape, to see that it works
    python3 benches/peers/run.py --only S5,S1 --runs 5

Every run is kept as JSON; started again, only what is missing or failed is run.
"""
import argparse
import json
import os
import subprocess
import sys
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import machine
import statements
import table

SETUP = ["model", "settings", "calibrate", "compile", "srs", "witness", "setup", "check"]
LONG = 120  # Seconds: a run that takes longer is not repeated.


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="S5,S1,S3,S4", help="statements, joined by commas")
    parser.add_argument("--chain", default="S5", help="statements that are also proven in the form that can be chained")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side that takes less than two minutes")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of both sides")
    parser.add_argument("--timeout", type=int, default=3600, help="seconds after which a step is ended")
    parser.add_argument("--quick", action="store_true", help="one run of a tiny shape")
    parser.add_argument("--fresh", action="store_true", help="run everything again")
    parser.add_argument("--ours-only", action="store_true", help="leave the peer out")
    parser.add_argument("--no-gas", action="store_true", help="leave out contracts and gas")
    parser.add_argument("--zkpoc", help="the zkpoc program [default: built from this repository]")
    parser.add_argument("--work", default=os.path.join(HERE, "work"), help="folder of environment, keys and runs")
    parser.add_argument("--out", default=os.path.join(ROOT, "benches", "results"), help="folder of the results")
    parsed = parser.parse_args()
    if parsed.quick:
        parsed.only, parsed.chain, parsed.runs = "quick", "", 1
    parsed.only = [name for name in parsed.only.split(",") if name]
    parsed.chain = [name for name in parsed.chain.split(",") if name]
    unknown = [name for name in parsed.only + parsed.chain if name not in statements.SHAPES]
    if unknown:
        parser.error(f"no statement {unknown[0]!r}; expected some of {', '.join(statements.SHAPES)}")
    if parsed.runs < 1 or parsed.threads < 1:
        parser.error("--runs and --threads must be at least 1")
    return parsed


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = os.path.abspath(options.work)
        self.python = os.path.join(self.work, "venv", "bin", "python")
        os.makedirs(os.path.join(self.work, "logs"), exist_ok=True)

    def environment(self):
        """A virtual environment with the pinned packages."""
        wanted = os.path.join(HERE, "requirements.txt")
        mark = os.path.join(self.work, "venv", "installed.txt")
        with open(wanted) as file:
            text = file.read()
        if os.path.exists(mark) and open(mark).read() == text:
            return
        print("installing the peer into a virtual environment", flush=True)
        venv.create(os.path.join(self.work, "venv"), with_pip=True, clear=True)
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", wanted], check=True)
        with open(mark, "w") as file:
            file.write(text)

    def program(self):
        if self.options.zkpoc:
            return os.path.abspath(self.options.zkpoc)
        print("building zkpoc", flush=True)
        subprocess.run(["cargo", "build", "--release", "--bin", "zkpoc"], cwd=ROOT, check=True)
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
        return os.path.join(target, "release", "zkpoc")

    def step(self, name, command):
        """One process, unless an earlier run of it is kept."""
        path = os.path.join(self.work, "runs", f"{name}.json")
        if not self.options.fresh and os.path.exists(path):
            with open(path) as file:
                kept = json.load(file)
            if "error" not in kept and kept.get("threads_asked") == self.options.threads:
                return kept
        print(f"  {name} ...", end="", flush=True)
        log = os.path.join(self.work, "logs", f"{name}.log")
        result = machine.run(command, log, self.options.timeout, self.options.threads)
        result["threads_asked"] = self.options.threads
        machine.write_json(path, result)
        said = result.get("error") or f"{result.get('process_seconds', 0):.1f} s"
        print(f" {said}, load {result['load']}", flush=True)
        return result

    def ezkl(self, statement, form, phase, number=None):
        folder = os.path.join(self.work, f"{statement}-{form}")
        os.makedirs(folder, exist_ok=True)
        name = f"{statement}-{form}-{phase}" + (f"-{number}" if number else "")
        command = [self.python, os.path.join(HERE, "ezkl_phase.py"), phase, statement, form, folder]
        return self.step(name, command + [os.path.join(self.work, "srs")])

    def ours(self, program, statement, name, limit=None):
        profile = statements.SHAPES[statement][4]
        if profile.endswith(".toml"):
            profile = os.path.join(HERE, profile)
        keys = os.path.join(self.work, f"{statement}-zkpoc")
        command = [program, "--json", "--threads", str(self.options.threads), "bench", "point", profile]
        limited = ["--memory-limit", limit] if limit else []
        return self.step(f"{statement}-zkpoc-{name}", command + ["--round", "--folder", keys] + limited)

    def gas(self, program, statement):
        profile = statements.SHAPES[statement][4]
        if profile.endswith(".toml"):
            profile = os.path.join(HERE, profile)
        command = [program, "--json", "--home", os.path.join(self.work, "home"), "demo", "--profile", profile]
        command += ["--shards", "1", "--no-report", "--threads", str(self.options.threads)]
        return self.step(f"{statement}-zkpoc-gas", command)

    def statement(self, program, statement):
        forms = [] if self.options.ours_only else ["tuned"] + (["chain"] if statement in self.options.chain else [])
        peers = {form: {"setup": {}, "prove": [], "witness": [], "verify": []} for form in forms}
        ready = []
        for form in forms:
            for phase in SETUP:
                result = self.ezkl(statement, form, phase)
                peers[form]["setup"][phase] = result
                if "error" in result:
                    break
            else:
                ready.append(form)
        limit = statements.LIMITS[statement]
        ours = {"setup": self.ours(program, statement, "setup"), "runs": [], "limit": limit, "limited_runs": []}
        for number in range(1, self.options.runs + 1):
            if "error" not in ours["setup"]:
                ours["runs"].append(self.ours(program, statement, str(number)))
                ours["limited_runs"].append(self.ours(program, statement, f"limited-{number}", limit))
            for form in ready:
                if any(run.get("process_seconds", 0) > LONG for run in peers[form]["prove"]):
                    continue
                for phase in ("witness", "prove", "verify"):
                    peers[form][phase].append(self.ezkl(statement, form, phase, number))
        for form in ready:
            if not self.options.no_gas and any("error" not in run for run in peers[form]["prove"]):
                peers[form]["contract"] = self.ezkl(statement, form, "evm")
                folder = os.path.join(self.work, f"{statement}-{form}")
                command = [sys.executable, os.path.join(HERE, "evm.py"), folder]
                peers[form]["evm"] = self.step(f"{statement}-{form}-gas", command)
        if not self.options.no_gas:
            ours["gas"] = self.gas(program, statement)
        features, hidden, classes, batch, _ = statements.SHAPES[statement]
        layers = [features] + ([hidden] if hidden else []) + [classes]
        return {"layers": layers, "batch": batch, "zkpoc": ours, "ezkl": peers}


def main():
    options = arguments()
    start = time.time()
    bench = Bench(options)
    where = machine.describe()
    if not options.ours_only:
        bench.environment()
    program = bench.program()
    # Taken again: building and installing have left their own load.
    where["load"] = machine.describe()["load"]
    print(f"{where['cpu']}, {where['cores']} cores, {options.threads} threads, load {where['load']}", flush=True)
    results = {"bench": "peers", "machine": where, "threads": options.threads, "statements": {}}
    with open(os.path.join(HERE, "requirements.txt")) as file:
        results["requirements"] = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    name = "peers-quick" if options.quick else "peers"
    for statement in options.only:
        print(statement, flush=True)
        results["statements"][statement] = bench.statement(program, statement)
        results["seconds"] = time.time() - start
        # After each statement, so that an interrupted bench leaves a table of what it has.
        machine.write_json(os.path.join(options.out, f"{name}.json"), results)
        with open(os.path.join(options.out, f"{name}.md"), "w") as file:
            file.write(table.render(results))
    print(f"{results.get('seconds', 0):.0f} s in all; {os.path.join(options.out, name)}.md and .json")


if __name__ == "__main__":
    main()
