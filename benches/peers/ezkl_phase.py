"""One phase of EZKL in a process of its own, so that its peak memory is its own. Prints one JSON object as its last line.

Usage: ezkl_phase.py PHASE STATEMENT FORM FOLDER SRS_FOLDER

Forms:
  tuned   a single gradient at the settings that are fastest: scale 12, no rescaling (rebase 10), no range checks of inputs
          and outputs, data in committed columns, weights fixed in the key, gradient public
  chain   a step that the next can build on: data, weights and next weights in committed columns at one scale, range checked
"""
import asyncio
import inspect
import json
import os
import sys
import time

import ezkl

import statements

PHASES = ["model", "settings", "calibrate", "compile", "srs", "witness", "setup", "check", "prove", "verify", "evm"]
SCALE = 12


def call(function, **arguments):
    """Calls a function of EZKL; some of them are coroutines."""

    async def run():
        result = function(**arguments)
        return await result if inspect.isawaitable(result) else result

    return asyncio.run(run())


class Run:
    def __init__(self, statement, form, folder, srs_folder):
        self.statement, self.chain = statement, form == "chain"
        self.at = lambda name: os.path.join(folder, name)
        self.srs_folder = srs_folder

    def settings_json(self):
        with open(self.at("settings.json")) as file:
            return json.load(file)

    def srs_path(self):
        return os.path.join(self.srs_folder, f"kzg{self.settings_json()['run_args']['logrows']}.srs")

    def model(self):
        statements.write_onnx(self.statement, self.at("net.onnx"), self.at("input.json"), self.chain)
        return {}

    def settings(self):
        arguments = ezkl.PyRunArgs()
        arguments.input_visibility = "polycommit"
        arguments.param_visibility = "fixed"
        arguments.output_visibility = "polycommit" if self.chain else "public"
        arguments.input_scale = arguments.param_scale = SCALE
        if not self.chain:
            arguments.scale_rebase_multiplier = 10
            arguments.ignore_range_check_inputs_outputs = True
        call(ezkl.gen_settings, model=self.at("net.onnx"), output=self.at("settings.json"), py_run_args=arguments)
        return {}

    def calibrate(self):
        call(
            ezkl.calibrate_settings,
            data=self.at("input.json"),
            model=self.at("net.onnx"),
            settings=self.at("settings.json"),
            target="resources",
            scales=[SCALE],
            scale_rebase_multiplier=[1 if self.chain else 10],
            lookup_safety_margin=2,
        )
        found = self.settings_json()
        return {"k": found["run_args"]["logrows"], "rows": found["num_rows"]}

    def compile(self):
        call(
            ezkl.compile_circuit,
            model=self.at("net.onnx"),
            compiled_circuit=self.at("net.ezkl"),
            settings_path=self.at("settings.json"),
        )
        return {}

    def srs(self):
        os.makedirs(self.srs_folder, exist_ok=True)
        if not os.path.exists(self.srs_path()):
            partial = self.srs_path() + ".partial"
            ezkl.gen_srs(partial, self.settings_json()["run_args"]["logrows"])
            os.replace(partial, self.srs_path())
        return {"bytes": os.path.getsize(self.srs_path())}

    def witness(self):
        call(
            ezkl.gen_witness,
            data=self.at("input.json"),
            model=self.at("net.ezkl"),
            output=self.at("witness.json"),
            srs_path=self.srs_path(),
            **({"vk_path": self.at("vk.key")} if os.path.exists(self.at("vk.key")) else {}),
        )
        return {}

    def setup(self):
        call(
            ezkl.setup,
            model=self.at("net.ezkl"),
            vk_path=self.at("vk.key"),
            pk_path=self.at("pk.key"),
            srs_path=self.srs_path(),
            witness_path=self.at("witness.json"),
        )
        return {"pk_bytes": os.path.getsize(self.at("pk.key")), "vk_bytes": os.path.getsize(self.at("vk.key"))}

    def check(self):
        """How far the proven outputs are from floating point."""
        import numpy as np

        with open(self.at("witness.json")) as file:
            outputs = json.load(file)["pretty_elements"]["rescaled_outputs"]
        errors = []
        for output, wanted in zip(outputs, statements.expected(self.statement, self.chain)):
            got = np.array([float(value) for value in output]).reshape(wanted.shape)
            errors.append(float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted)))
        return {"relative_error": max(errors)}

    def prove(self):
        call(
            ezkl.prove,
            witness=self.at("witness.json"),
            model=self.at("net.ezkl"),
            pk_path=self.at("pk.key"),
            proof_path=self.at("proof.json"),
            srs_path=self.srs_path(),
        )
        with open(self.at("proof.json")) as file:
            proof = json.load(file)
        text = proof.get("hex_proof")
        return {
            "proof_bytes": (len(text) - 2) // 2 if text else len(proof["proof"]),
            "instances": sum(len(column) for column in proof["instances"]),
        }

    def verify(self):
        accepted = call(
            ezkl.verify,
            proof_path=self.at("proof.json"),
            settings_path=self.at("settings.json"),
            vk_path=self.at("vk.key"),
            srs_path=self.srs_path(),
        )
        if accepted is not True:
            raise SystemExit("the proof was not accepted")
        return {}

    def evm(self):
        """Solidity of the verifier, and the calldata of the proof."""
        try:
            call(
                ezkl.create_evm_verifier,
                vk_path=self.at("vk.key"),
                settings_path=self.at("settings.json"),
                sol_code_path=self.at("verifier.sol"),
                abi_path=self.at("verifier.abi"),
                srs_path=self.srs_path(),
                reusable=False,
            )
        except BaseException:  # It wants a compiler of its own for the ABI; the Solidity is written before that.
            if not os.path.exists(self.at("verifier.sol")):
                raise
        call(ezkl.encode_evm_calldata, proof=self.at("proof.json"), calldata=self.at("calldata.bin"))
        return {"calldata_bytes": os.path.getsize(self.at("calldata.bin"))}


if __name__ == "__main__":
    phase, run = sys.argv[1], Run(*sys.argv[2:6])
    if phase not in PHASES:
        raise SystemExit(f"no phase {phase!r}; expected one of {', '.join(PHASES)}")
    start = time.perf_counter()
    result = getattr(run, phase)()
    result["seconds"] = time.perf_counter() - start
    print(json.dumps(result))
