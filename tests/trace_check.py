"""Reads a file of --trace: trace_check.py TRACE [JSON, of the same run].

Fails with a sentence unless it is JSON and every event is one of the two kinds that are written, the rows have names, the slices of each row
nest, and lie in what they are part of. With JSON, as many answers must have been used of each worker as the reports say, and no task is told of
that was not asked. Prints what there was, a line each: inferences, layers, steps, rows of the master, and of each worker the tasks by outcome.
"""
import collections
import json
import sys

STEPS = {"encode", "send", "wait", "verify", "decode", "here", "postponed"}
OUTCOMES = {"used", "unused", "late", "spare", "lost", "wrong"}
WHOLES = {"layer": {"inference"}, "postponed": {"inference"}, "verify": {"wait", "decode"}, "compute": OUTCOMES}


def fail(sentence):
    sys.exit(f"trace_check: {sentence}")


def ns(us):
    return round(us * 1000)


def read(path):
    with open(path, encoding="utf-8", errors="strict") as file:
        events = json.load(file)
    if not isinstance(events, list) or events[0].get("name") != "process_name":
        fail("no array that begins with the name of the process")
    names, rows = {}, collections.defaultdict(list)
    for event in events:
        if not {"ph", "ts", "pid", "tid", "name"} <= set(event) or event["pid"] != 1:
            fail(f"an event without a member that all have: {event}")
        if event["ph"] == "M":
            if event["name"] == "thread_name":
                names[event["tid"]] = event["args"]["name"]
        elif event["ph"] == "X":
            if event["tid"] not in names:
                fail(f"a row that has no name yet: {event}")
            if event["ts"] < 0 or event["dur"] < 0:
                fail(f"a time before the beginning: {event}")
            rows[event["tid"]].append(event)
        else:
            fail(f"an event of another kind: {event}")
    return names, rows


def kind_of(event):
    return event.get("cat", event["name"])


def is_worker(name):
    return name.startswith("worker ")


def check_part(name, whole, part):
    """What a slice is part of; None: of nothing."""
    kind = kind_of(part)
    if kind not in OUTCOMES | STEPS | {"inference", "layer", "compute"}:
        fail(f"a slice of no kind: {part}")
    if is_worker(name) != (kind in OUTCOMES | {"compute"}):
        fail(f"a slice in the row {name}: {part}")
    if (whole is None) != (kind in OUTCOMES | {"inference"}):
        fail(f"a slice that is part of {whole}: {part}")
    if whole is None:
        return
    if kind_of(whole) not in WHOLES.get(kind, {"layer"}):
        fail(f"a slice that is part of {whole}: {part}")
    if ns(part["ts"]) + ns(part["dur"]) > ns(whole["ts"]) + ns(whole["dur"]):
        fail(f"a slice that ends after the one in which it begins, {whole}: {part}")


def check_row(name, slices):
    open_slices = []
    for event in sorted(slices, key=lambda e: (ns(e["ts"]), -ns(e["dur"]), kind_of(e) == "compute")):
        while open_slices and ns(open_slices[-1]["ts"]) + ns(open_slices[-1]["dur"]) <= ns(event["ts"]):
            open_slices.pop()
        check_part(name, open_slices[-1] if open_slices else None, event)
        open_slices.append(event)


def check_report(path, tasks):
    with open(path, encoding="utf-8") as file:
        results = json.load(file)["results"]
    used, asked = collections.Counter(), 0
    for result in results:
        for layer in result["layers"]:
            asked += layer["asked"]
            used.update(layer["used"])
    told = {worker: outcomes["used"] for worker, outcomes in tasks.items() if outcomes["used"]}
    if told != dict(used):
        fail(f"the trace has used answers {told} of the workers, the reports {dict(used)}")
    all_tasks = sum(sum(outcomes.values()) for outcomes in tasks.values())
    if all_tasks > asked:
        fail(f"{all_tasks} tasks in the trace, {asked} asked by the reports")


def main():
    names, rows = read(sys.argv[1])
    tasks, steps, layers = collections.defaultdict(collections.Counter), collections.Counter(), collections.Counter()
    for tid, slices in rows.items():
        check_row(names[tid], slices)
        for event in slices:
            kind = kind_of(event)
            if is_worker(names[tid]) and kind in OUTCOMES:
                tasks[int(names[tid].split()[1])][kind] += 1
                if (kind != "used") != event["name"].endswith(f" ({kind})"):
                    fail(f"the name of a task does not tell its outcome: {event}")
                if event["args"]["queued_us"] < 0:
                    fail(f"a task that was sent before it was handed over: {event}")
            elif kind == "layer":
                layers[event["name"]] += 1
            else:
                steps[kind] += 1
    if len(sys.argv) > 2:
        check_report(sys.argv[2], tasks)
    print("layers", *(f"{name}={count}" for name, count in sorted(layers.items())))
    print("steps", *(f"{name}={count}" for name, count in sorted(steps.items())))
    print("master rows", sum(not is_worker(name) for name in names.values()))
    for worker, outcomes in sorted(tasks.items()):
        print(f"worker {worker}", *(f"{name}={count}" for name, count in sorted(outcomes.items())))


if __name__ == "__main__":
    main()
