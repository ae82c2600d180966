"""The machine, and processes with their time and peak memory."""
import json
import os
import platform
import subprocess
import time


def _value(path, key, mark):
    try:
        with open(path) as file:
            for line in file:
                if line.startswith(key):
                    return line.split(mark, 1)[1].strip().strip('"')
    except OSError:
        pass
    return ""


def describe():
    memory = _value("/proc/meminfo", "MemTotal", ":").split()
    return {
        "cpu": _value("/proc/cpuinfo", "model name", ":") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory[0]) * 1024 if memory else 0,
        "os": _value("/etc/os-release", "PRETTY_NAME", "=") or platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def write_json(path, value):
    """Under a temporary name first, so that a file is whole or not there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    partial = f"{path}.{os.getpid()}.partial"
    with open(partial, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    os.replace(partial, path)


def run(command, log, timeout, threads):
    """Runs a command whose last line is a JSON object. Returns that object with the process's seconds and peak memory;
    on failure an object with `error`. Standard error goes to the file `log`."""
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    load, start = os.getloadavg()[0], time.perf_counter()
    with open(log, "wb") as errors, open(log + ".out", "w+b") as output:
        try:
            child = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, env=environment)
        except OSError as error:
            return {"error": f"cannot run {command[0]}: {error.strerror}", "load": round(load, 2)}
        pid, late = 0, False
        while pid == 0:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid == 0:
                if not late and time.perf_counter() - start > timeout:
                    late = True
                    child.kill()
                time.sleep(0.01)
        # The process is reaped; the object must not wait for it again.
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()
    facts = {
        "process_seconds": time.perf_counter() - start,
        "process_peak_bytes": usage.ru_maxrss * 1024,
        "load": round(load, 2),
    }
    if late:
        return {"error": f"ended after {timeout} s", **facts}
    if child.returncode != 0:
        with open(log, errors="replace") as file:
            said = file.read().strip().splitlines()[-3:]
        return {"error": f"exit {child.returncode}: {' | '.join(said)[-400:]}", **facts}
    try:
        return {**json.loads(lines[-1]), **facts}
    except (IndexError, ValueError):
        return {"error": "its last line is not JSON", **facts}
