"""The table of the peer bench, from its JSON. `python3 table.py FILE.json` prints it."""
import json
import statistics
import sys

DIFFERENCES = """\
What the two sides prove is not the same:

| | zkpoc, training proof | EZKL, tuned | EZKL, chain |
|---|---|---|---|
| data | committed and hidden under fresh blinding, linked to a registered commitment, ranges and one-hot labels proven once for each shard | committed without blinding (binding, not hiding), no range check | as tuned, range checked |
| weights | committed; the key serves every model | constants of the key: a new setup for each step | committed; the key serves every model |
| result | update committed and hidden, its squared norm and the loss bounded | gradient public, one field element a weight | next weights committed at the scale of the weights |
| rounding | every rounding and clamp of the integer step proven | none: exact products at a growing scale | fixed-point rescaling proven |
| can be chained | by the round proof: the next model from the sum of updates | no | yes |
| biases | yes | no | no |

A single gradient is compared with the tuned form. A training run needs a proof of the next model, so its row adds the round
proof to ours and is compared with the chain form. Both sides use a reference string made on the machine; making it and the
keys is outside of the proof's time. The time of a proof includes reading key and string, on both sides; the peak is that of
the whole proving process on both sides, of ours that from its keys to the end of the proofs that count. Within a limit, our
side computes the same proof of the same key another way (`--memory-limit`); EZKL has no such setting. EZKL's verification
includes reading its key and string, ours does not. Our gas is that of whole transactions (`claim`: training proof, link, nullifier, storage; `finalize`: round
proof, sum of updates), EZKL's that of a call of its verifier alone."""


def good(runs):
    return [run for run in runs if "error" not in run]


def spread(values, unit=1.0, digits=2):
    values = [value * unit for value in values if value is not None]
    if not values:
        return "-"
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1:
        return f"{middle} (1 run)"
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def whole(value):
    return "-" if value is None else f"{value:,}"


def our_proof_ms(run, kind="training"):
    """Reading string and key, the proof, the link."""
    proof = run[kind]
    reading = (run.get("srs_read_ms") or 0.0) if kind == "training" else 0.0
    return reading + (proof["key_read_ms"] or 0.0) + proof["prove_ms"] + proof["link_ms"]


def ours(result, with_round, of="runs"):
    """Column of our side; `of` names the runs."""
    zkpoc = result["zkpoc"]
    runs = good(zkpoc.get(of, []))
    if not runs:
        reasons = [run["error"] for run in [zkpoc["setup"], *zkpoc.get(of, [])] if "error" in run]
        return {"failed": reasons[0] if reasons else "not run"}
    kinds = ["training", "round"] if with_round else ["training"]
    first, setup = runs[0], zkpoc["setup"]
    total = lambda field: sum(first[kind][field] for kind in kinds)
    made = [setup[kind]["keygen_ms"] for kind in kinds]
    gas = zkpoc.get("gas") or {}
    verifiers = gas.get("verifier_bytes") or {}
    words = [f"claim {gas['gas']['claim']:,}"] if "gas" in gas else []
    if with_round and gas.get("rounds"):
        words.append(f"finalize {gas['rounds'][0]['gas_finalize']:,}")
    return {
        "prove": [sum(our_proof_ms(run, kind) for kind in kinds) / 1e3 for run in runs],
        "witness": [sum(run[kind]["witness_ms"] for kind in kinds) / 1e3 for run in runs],
        "setup": None if None in made else sum(made) / 1e3,
        "peak": [own_peak(run, kinds) for run in runs],
        "pk": total("pk_bytes"),
        "vk": total("vk_bytes"),
        "proof": total("proof_bytes"),
        "instances": total("instances"),
        "verify": [sum(run[kind]["verify_ms"] for kind in kinds) for run in runs],
        "bytecode": f"largest contract {max(verifiers.values()):,}" if verifiers else gas.get("error", "-"),
        "gas": ", ".join(words) or gas.get("error", "-"),
        "k": first["k"],
        "msm16": [run["msm16_ms"] for run in runs],
    }


def own_peak(run, kinds):
    """Largest resident memory of our process from its keys to its verified proofs, of these kinds: the process proves a round after
    the training proof, which a single gradient does not need."""
    fields = ("keygen_peak_rss_bytes", "peak_rss_bytes")
    peaks = [run[kind].get(field) for kind in kinds for field in fields]
    return run["process_peak_bytes"] if None in peaks else max(peaks)


def peer(result, form):
    """Column of the peer."""
    data = result["ezkl"].get(form)
    if data is None:
        return {"failed": "not run"}
    proofs = good(data["prove"])
    if not proofs:
        all_runs = [*data["setup"].values(), *data["prove"]]
        reasons = [run["error"] for run in all_runs if "error" in run]
        return {"failed": reasons[0] if reasons else "not run"}
    setup, evm = data["setup"], data.get("evm") or {}
    code = evm.get("verifier_bytes")
    bytecode = evm.get("error", "-") if code is None else f"{code:,}" + ("" if evm["deploys"] else ", above EIP-170")
    gas = "-" if "gas" not in evm else f"{evm['gas']:,}" + ("" if evm["deploys"] else " with the limit lifted")
    return {
        "prove": [run["seconds"] for run in proofs],
        "witness": [run["seconds"] for run in good(data["witness"])],
        "setup": setup["setup"]["seconds"],
        "peak": [run["process_peak_bytes"] for run in proofs],
        "pk": setup["setup"]["pk_bytes"],
        "vk": setup["setup"]["vk_bytes"],
        "proof": proofs[0]["proof_bytes"],
        "instances": proofs[0]["instances"],
        "verify": [run["seconds"] * 1e3 for run in good(data["verify"])],
        "bytecode": bytecode,
        "gas": gas,
        "k": setup["calibrate"]["k"],
    }


def comparison(title, ours, limit, theirs, names):
    """Our column, ours within a memory limit, the peer's, and the peer's over each of ours."""
    columns = [*ours, theirs]
    names = [names[0], f"{names[0]} within {limit}", names[1]]
    lines = [f"### {title}", ""]
    for name, column in zip(names, columns):
        if "failed" in column:
            lines.append(f"{name}: {column['failed']}\n")
    if all("failed" in column for column in columns):
        return lines
    cell = lambda column, key, show: "-" if "failed" in column else show(column[key])
    middle = lambda values: statistics.median(values) if values else 0

    def ratio(left, key, of):
        if not of:
            return ""
        if "failed" in left or "failed" in theirs or not of(left[key]):
            return "-"
        return f"{of(theirs[key]) / of(left[key]):.1f}×"

    rows = [
        ("rows", "k", lambda k: f"2^{k}", None),
        ("proof, s", "prove", spread, middle),
        ("witness, s", "witness", spread, middle),
        ("setup (keys), s", "setup", lambda value: "-" if value is None else f"{value:,.2f}", lambda value: value),
        ("peak of the proving process, MB", "peak", lambda values: spread(values, 1e-6, 0), middle),
        ("proving key, B", "pk", whole, lambda value: value),
        ("verifying key, B", "vk", whole, lambda value: value),
        ("proof, B", "proof", whole, lambda value: value),
        ("public inputs, field elements", "instances", whole, lambda value: value),
        ("verification, ms", "verify", lambda values: spread(values, 1.0, 1), middle),
        ("verifier's code, B", "bytecode", str, None),
        ("gas", "gas", str, None),
    ]
    lines += [f"| | {' | '.join(names)} | {names[2]} / {names[0]} | within {limit} |", "|---|---|---|---|---|---|"]
    for label, key, show, of in rows:
        cells = [cell(column, key, show) for column in columns] + [ratio(column, key, of) for column in ours]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    lines.append("")
    if "failed" not in ours[0]:
        per = statistics.median(ours[0]["prove"]) * 1e3 / statistics.median(ours[0]["msm16"])
        lines += [f"zkpoc's proof takes {per:.1f} × msm16 (medians; msm16 {spread(ours[0]['msm16'], 1.0, 0)} ms).", ""]
    return lines


def render(results):
    where = results["machine"]
    lines = [
        "# zkpoc beside EZKL",
        "",
        f"{where['cpu']}, {where['cores']} cores, {results['threads']} threads on both sides, "
        f"{where['memory_bytes'] / 1e9:.1f} GB, {where['os']}, kernel {where['kernel']}; load averages at the start "
        f"{', '.join(str(load) for load in where['load'])}. {', '.join(results['requirements'][:1])}. "
        "Medians, with the least and the most in brackets.",
        "",
    ]
    both = lambda result, with_round: [ours(result, with_round, of) for of in ("runs", "limited_runs")]
    limit = lambda result: result["zkpoc"].get("limit", "a limit")
    for name, result in results["statements"].items():
        shape = "-".join(str(width) for width in result["layers"]) + f", batch {result['batch']}"
        if "tuned" in result["ezkl"] or not result["ezkl"]:
            left = both(result, False)
            title = f"{name}: one gradient, {shape}"
            lines += comparison(title, left, limit(result), peer(result, "tuned"), ("zkpoc", "EZKL tuned"))
        if "chain" in result["ezkl"]:
            left = both(result, True)
            title = f"{name}: a step of a training run, {shape}"
            lines += comparison(title, left, limit(result), peer(result, "chain"), ("training and round", "EZKL chain"))
    lines += [DIFFERENCES, "", f"The whole bench took {results.get('seconds', 0):,.0f} s."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(render(json.load(file)), end="")
