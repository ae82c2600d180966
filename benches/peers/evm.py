"""EZKL's generated verifier on a local EVM: bytes of code, whether it deploys, gas of one verification.

The compiler and the node are those that `zkpoc` installs (npm `solc`, anvil). The optimizer is on with one run: without it
the generated contract does not compile, and one run gives the smallest code.
"""
import json
import os
import socket
import subprocess
import time
import urllib.request

CODE_LIMIT = 24_576  # EIP-170
GAS_LIMIT = hex(2_000_000_000)
SOLC = """
const solc = require(process.argv[1]); const fs = require('fs');
const settings = { optimizer: { enabled: true, runs: 1 }, outputSelection: { '*': { '*': ['evm.bytecode.object',
  'evm.deployedBytecode.object'] } } };
const input = { language: 'Solidity', sources: { 'v.sol': { content: fs.readFileSync(process.argv[2], 'utf8') } }, settings };
process.stdout.write(solc.compile(JSON.stringify(input)));
"""


def tools_folder():
    """The folder of the tools that zkpoc installed, the newest if there are several."""
    base = os.environ.get("ZKPOC_TOOLS_DIR") or os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "zkpoc", "tools"
    )
    found = []
    if os.path.isdir(base):
        for name in os.listdir(base):
            modules = os.path.join(base, name, "node_modules")
            if os.path.exists(os.path.join(modules, "solc", "package.json")):
                found.append(modules)
    if not found:
        raise RuntimeError(f"no tools in {base}: run `zkpoc demo --profile toy` once, it installs them")
    return max(found, key=os.path.getmtime)


def compile_sol(modules, path):
    """(creation code, runtime code) of the largest contract of a file."""
    command = ["node", "-e", SOLC, os.path.join(modules, "solc"), path]
    output = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    errors = [entry["formattedMessage"] for entry in output.get("errors", []) if entry["severity"] == "error"]
    if errors:
        raise RuntimeError(f"solc: {errors[0][:300]}")
    contracts = [contract["evm"] for file in output["contracts"].values() for contract in file.values()]
    largest = max(contracts, key=lambda evm: len(evm["deployedBytecode"]["object"]))
    return largest["bytecode"]["object"], largest["deployedBytecode"]["object"]


class Node:
    """A local chain, ended on exit. `lifted` takes the limit on code size away."""

    def __init__(self, modules, lifted):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        anvil = os.environ.get("ZKPOC_ANVIL") or os.path.join(modules, "@foundry-rs/anvil-linux-amd64/bin/anvil")
        command = [anvil, "--port", str(self.port), "--gas-limit", str(int(GAS_LIMIT, 16)), "--silent", "--no-request-size-limit"]
        command += ["--disable-code-size-limit"] if lifted else []
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.account = self.ask("eth_accounts")[0]
                return
            except OSError:
                time.sleep(0.05)
        self.close()
        raise RuntimeError("the local chain does not answer")

    def ask(self, method, *parameters):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}", body, {"content-type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as answer:
            value = json.load(answer)
        if "error" in value:
            raise RuntimeError(value["error"].get("message", "an error")[:200])
        return value["result"]

    def send(self, **fields):
        digest = self.ask("eth_sendTransaction", {"from": self.account, "gas": hex(1_900_000_000), **fields})
        for _ in range(600):
            receipt = self.ask("eth_getTransactionReceipt", digest)
            if receipt:
                return receipt
            time.sleep(0.05)
        raise RuntimeError("a transaction was not mined")

    def close(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def measure(folder):
    """Facts about `verifier.sol` and `calldata.bin` of a run's folder."""
    modules = tools_folder()
    creation, runtime = compile_sol(modules, os.path.join(folder, "verifier.sol"))
    with open(os.path.join(folder, "calldata.bin"), "rb") as file:
        calldata = "0x" + file.read().hex()
    size = len(runtime) // 2
    facts = {"verifier_bytes": size, "deploys": size <= CODE_LIMIT, "calldata_bytes": len(calldata) // 2 - 1}
    # A verifier above the limit is measured all the same, on a chain without the limit; the table says so.
    with Node(modules, lifted=not facts["deploys"]) as node:
        deployed = node.send(data="0x" + creation)
        if int(deployed["status"], 16) != 1:
            return {**facts, "error": "the verifier was not deployed"}
        accepted = node.ask("eth_call", {"to": deployed["contractAddress"], "data": calldata}, "latest")
        if int(accepted, 16) != 1:
            return {**facts, "error": "the contract does not accept the proof"}
        receipt = node.send(to=deployed["contractAddress"], data=calldata)
    return {**facts, "deploy_gas": int(deployed["gasUsed"], 16), "gas": int(receipt["gasUsed"], 16)}


if __name__ == "__main__":
    import sys

    try:
        print(json.dumps(measure(sys.argv[1])))
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise SystemExit(str(error))
