"""The report for people: goals first, then what was measured, in tables and plots, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.goals import REACHED, Absent, Parts
from bench.hotpath.goals import by_repetition, judge
from bench.hotpath.load import PADDING
from bench.hotpath.meter import BUSY_CORES
from bench.hotpath.peers import HIT, PASS, PROCESSES
from bench.hotpath.stats import differences, figure, ratios, spread

Lines = list[str]


def markdown(run: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """The whole report. `run`: machine, quick, parts; `plots`: name -> file, of those that were drawn."""
    parts = run["parts"]
    lines = ["# The hot path, measured", "", ", ".join(f"{name} {value}" for name, value in run["machine"].items()), ""]
    if run["quick"]:
        lines += ["**A quick look: one repetition, short, few gateways. Not a measurement.**", ""]
    lines += _goals(parts) + _warnings(parts)
    for title, name, section in SECTIONS:
        if parts.get(name, {}).get("status") != "done":
            continue  # the goals and the warnings say so
        lines += [f"## {title}", "", *section(parts[name]["result"]), ""]
        lines += [line for plot in PLOTS.get(title, ()) if plot in plots for line in (f"![{title}]({plots[plot]})", "")]
    return "\n".join([*lines, *_method(run), ""])


def table(head: str, rows: Iterable[Iterable[Any]]) -> Lines:
    """`head`: titles with a bar between them."""
    titles = [title.strip() for title in head.split("|")]
    body = [[str(value).replace("|", "\\|") for value in row] for row in rows]
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *body)]


# --- the head ---


def _goals(parts: Parts) -> Lines:
    rows = [
        (goal.aim, goal.measured, goal.verdict if goal.verdict == REACHED else f"**{goal.verdict}**") for goal in judge(parts)
    ]
    return [*table("goal | measured: median (lowest..highest repetition) | verdict", rows), ""]


def _warnings(parts: Parts) -> Lines:
    found: Lines = []
    for name, part in parts.items():
        if part["status"] != "done":
            found.append(f"the part `{name}` is {part['status']}: {part['error'].splitlines()[0]}")
            continue
        busy = [where for where, cores in _others(part["result"]) if cores > BUSY_CORES]
        if busy:
            shown = ", ".join(busy[:6]) + (f" and {len(busy) - 6} more" if len(busy) > 6 else "")
            found.append(f"`{name}`: other programs used more than {BUSY_CORES} cores during: {shown}")
    if parts.get("peers", {}).get("status") == "done":
        peers = parts["peers"]["result"]
        restless = [_name(cell) for cell in peers["cells"] if cell.get("rested") is False]
        if restless:
            found.append(f"`peers`: something was still at work at the end of {', '.join(restless)}")
        found += [f"`peers`: {note}" for note in peers["notes"]]
    return ["Warnings:", "", *(f"- {line}" for line in found), ""] if found else []


def _others(value: Any, where: str = "") -> Iterable[tuple[str, float]]:
    """Every figure `other` (cores) in a result, with the name of the measurement that it belongs to."""
    if isinstance(value, Mapping):
        if isinstance(value.get("other"), int | float):
            yield _name(value) or where or "the whole part", value["other"]
        for name, inner in value.items():
            yield from _others(inner, name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _others(inner, f"{where} {number + 1}")


def _name(cell: Mapping[str, Any]) -> str:
    """A measurement in a few words."""
    return " ".join(str(cell[name]) if plain else f"{name}={cell[name]}" for name, plain in NAMES.items() if name in cell)


# What tells measurements apart, and whether its value says by itself what it is.
NAMES = {
    "part": True,
    "peer": True,
    "kind": True,
    "c": False,
    "web": False,
    "workers": False,
    "length": False,
    "waiting": False,
    "rep": False,
}


# --- the peers ---


def _peers_table(peers: Mapping[str, Any], part: str, base: str) -> Lines:
    """One row a gateway and number of connections; `base` is the one of ours that the ratios are about."""
    rows = []
    for peer, connections in _measured(peers, part):
        rate = _all(peers, part, peer, connections, "rps")
        ours = _all(peers, part, base, connections, "rps")
        cells = [c for c in peers["cells"] if (c["part"], c["peer"], c["c"]) == (part, peer, connections)]
        answered = sum(cell.get("ok", 0) for cell in cells)
        rows.append(
            (
                f"**{peer}**" if peer == base else peer,
                connections,
                _text(rate.values()),
                "" if peer == base else _text(ratios(ours, rate)),
                _text(_all(peers, part, peer, connections, "p50").values()),
                _text(_all(peers, part, peer, connections, "p99").values()),
                _text(_all(peers, part, peer, connections, "cpu_ms").values()),
                f"{sum(max(0, cell.get('errors', 0)) for cell in cells)} of {answered:,}",
                _text(cell["other"] for cell in cells),
            )
        )
    head = f"gateway | connections | requests/s | `{base}`'s requests/s over its | p50 ms | p99 ms | CPU ms/request"
    return table(head + " | errors | others' cores", rows)


def _measured(peers: Mapping[str, Any], part: str) -> list[tuple[str, int]]:
    seen = dict.fromkeys((cell["peer"], cell["c"]) for cell in peers["cells"] if cell["part"] == part)
    order = list(dict.fromkeys(peer for peer, _ in seen))
    return sorted(seen, key=lambda it: (order.index(it[0]), it[1]))


def _all(peers: Mapping[str, Any], part: str, peer: str, connections: int, name: str) -> dict[int, float]:
    try:
        return by_repetition(peers, part, peer, connections, name)
    except Absent:
        return {}


def _text(values: Iterable[float]) -> str:
    return str(spread(values) or "")


def _hits(peers: Mapping[str, Any]) -> Lines:
    versions = ", ".join(f"{name} {version}" for name, version in peers["versions"].items())
    return [f"The same prompt again and again. Versions: {versions}.", "", *_peers_table(peers, "hit", HIT)]


def _misses(peers: Mapping[str, Any]) -> Lines:
    rows = []
    for cell in peers["cells"]:
        if cell["part"] == "miss" and cell["peer"] == HIT and "leo" in cell:
            seen = cell["leo"]
            counted = (seen.get(name, 0) for name in ("requests", "miss", "calls", "messages"))
            rows.append((cell["rep"], cell["upstream"], *counted))
    proof = table("repetition | upstream calls | requests in the ledger | misses | calls | queue messages", rows)
    text = (
        "What was counted around our own row, in each repetition, warm-up included. What was on its way when the time was over "
        "is a request of the ledger, but not a miss: its caller had gone. A message may carry several runs."
    )
    return [
        "Caches on, prompts never seen before, upstream 0 ms.",
        "",
        *_peers_table(peers, "miss", HIT),
        *(["", text, "", *proof] if rows else []),
    ]


def _passes(peers: Mapping[str, Any]) -> Lines:
    text = (
        "A new prompt each time, upstream 0 ms. The others have their caches off; ours has everything on, since it has no "
        "other path than the queue."
    )
    return [text, "", *_peers_table(peers, "pass", PASS)]


def _streams(peers: Mapping[str, Any]) -> Lines:
    rows = []
    for part, title in (("stream", "new"), ("streamhit", "stored")):
        for peer, connections in _measured(peers, part):
            first = _all(peers, part, peer, connections, "ttft_p50")
            direct = _all(peers, part, "direct", connections, "ttft_p50")
            over = "" if peer == "direct" or part == "streamhit" else _text(differences(first, direct))
            cells = [c for c in peers["cells"] if (c["part"], c["peer"], c["c"]) == (part, peer, connections)]
            wrong = sum(max(0, cell.get("errors", 0)) + cell.get("no_done", 0) for cell in cells)
            shown = f"**{peer}**" if peer in (HIT, PASS) else peer
            rows.append((title, shown, connections, _text(first.values()), over, wrong, _text(c["other"] for c in cells)))
    text = "New prompts: the upstream sends its first token after 50 ms and 16 tokens 5 ms apart. Stored: the same prompt again."
    head = "prompts | gateway | connections | first token p50 ms | over direct ms | failed or cut off | others' cores"
    return [text, "", *table(head, rows)]


def _dedup(peers: Mapping[str, Any]) -> Lines:
    rows = []
    for peer, connections in _measured(peers, "dedup"):
        calls = _all(peers, "dedup", peer, connections, "upstream")
        slowest = _all(peers, "dedup", peer, connections, "max")
        rows.append((peer, ", ".join(f"{value:.0f}" for value in calls.values()), _text(slowest.values())))
    if not rows:
        return ["Not measured in this run."]
    return ["Upstream latency one second.", "", *table("gateway | upstream calls, each repetition | slowest answer ms", rows)]


def _memory(peers: Mapping[str, Any]) -> Lines:
    rows = []
    for peer, seen in peers["memory"].items():
        pss = [seen.get(when, {}).get("pss_mb", "") for when in ("idle", "after")]
        rows.append((peer, seen.get("procs", ""), *pss, seen.get("idle_cpu", ""), seen.get("start_s_all_together", "")))
    return table("gateway | processes | PSS idle MB | PSS after the run MB | idle cores | start s, all at once", rows)


# --- our own parts ---


def _through_the_queue(found: Mapping[str, Any]) -> Lines:
    still = found["standstill"]
    text = (
        "A fresh gateway, prompts never seen before at 64 connections, then fifty more whose headers were read, and some while "
        "the workers were stopped. A message may carry several runs; a claim is a worker's, for one run. While the workers "
        f"stood still, {still['answered']} of {still['callers']} callers were answered and {still['calls']} calls were made; "
        f"afterwards {still['answered afterwards']} were answered."
    )
    rows = [(name.replace("_", " "), value) for name, value in found.items() if name != "standstill"]
    return [text, "", *table("what | counted", rows)]


def _joiners(found: Mapping[str, Any]) -> Lines:
    return table("what | counted", found.items())


def _scaling(found: Mapping[str, Any]) -> Lines:
    rows = []
    for kind, web, workers in dict.fromkeys((c["kind"], c["web"], c["workers"]) for c in found["cells"]):
        cells = [c for c in found["cells"] if (c["kind"], c["web"], c["workers"]) == (kind, web, workers)]
        figures = [_text(cell[name] for cell in cells) for name in ("rps", "p50", "p99")]
        cpu = [_text(cell["cpu_ms"][role] for cell in cells) for role in ("all", "web", "workers", "redis", "ledger")]
        rows.append((kind, web, workers, *figures, *cpu, sum(cell["errors"] for cell in cells)))
    head = "what | front ends | workers | requests/s | p50 ms | p99 ms | CPU ms/request | web | workers | Redis | ledger | errors"
    text = f"{found['connections']} connections; load generator and upstream ({found['upstream']}) on the same cores."
    return [text, "", *table(head, rows)]


def _queue_length(found: Mapping[str, Any]) -> Lines:
    rows = []
    for point in found["points"]:
        waits = [point.get(what) for what in ("hit", "join", "refusal", "admission")]
        shown = [f"{wait['p50']} / {wait['p99']}" if wait else "" for wait in waits]
        rows.append((f"{point['length']:,}", f"{point['queued']:,}", *shown, point["other"]))
    head = "length wanted | messages waiting | exact hit | joining a stream | refusal | admission of a new run | others' cores"
    text = "Milliseconds, p50 / p99, one request after the other. The callers of the waiting runs are not simulated here."
    return [text, "", *table(head, rows)]


def _waiting(found: Mapping[str, Any]) -> Lines:
    names = ("pss_mb", "rss_mb", "threads", "files", "turned_away")
    rows = []
    for point in found["points"]:
        hit = f"{point['hit']['p50']} / {point['hit']['p99']}"
        cores = [point["cores"][role] for role in ("web", "redis")]
        rows.append((f"{point['waiting']:,}", *(point[name] for name in names), *cores, hit, point["other"]))
    first, last = found["points"][0], found["points"][-1]
    more = last["waiting"] - first["waiting"]
    each = f"{(last['pss_mb'] - first['pss_mb']) * 1024 / more:.1f} KB a caller" if more else "one point only"
    left = f" Left out for the limit on open files: {found['left_out']}." if found["left_out"] else ""
    left += f" **It took no more callers: {found['stuck']}.**" if found["stuck"] else ""
    head = "waiting | PSS MB | RSS MB | threads | open files | turned away | cores web | Redis | hit p50 / p99 ms | others' cores"
    return [f"Memory of the front end's processes; {each}.{left}", "", *table(head, rows)]


def _startup(found: Mapping[str, Any]) -> Lines:
    seconds = ", ".join(figure(start["seconds"]) for start in found["starts"])
    return [f"`leo up` in an empty folder, until /ready says 200. Seconds: {seconds}; one start before them was not counted."]


def _sustained(found: Mapping[str, Any]) -> Lines:
    rows = [(role, found["cpu_cores"][role], found["cpu_ms"][role]) for role in found["cpu_ms"]]
    text = (
        f"{found['answered']:,} hits in {found['secs']:.0f} s at 64 connections: {found['rps']:,.0f} requests/s (slices of "
        f"about five seconds: {_text(found['slices'])}), p50 {figure(found['p50'])} ms, p99 {figure(found['p99'])} ms, "
        f"{found['errors']} errors. "
        f"The ledger's backlog was at most {found['backlog_most']:,} entries, and empty {figure(found['drain_s'])} s after the "
        f"last answer. SQL then had {found['events']:,} more events, {found['exact']:,} of them hits. Others used "
        f"{found['other']} cores."
    )
    return [text, "", *table("process | cores under load | CPU ms/request, until the ledger is written", rows)]


SECTIONS = (
    ("Exact hits", "peers", _hits),
    ("Misses", "peers", _misses),
    ("New prompts, the others without caches", "peers", _passes),
    ("Streams", "peers", _streams),
    ("100 identical requests at once", "peers", _dedup),
    ("Memory and start beside the peers", "peers", _memory),
    ("Through the queue", "misses", _through_the_queue),
    ("Joining a stream in its middle", "joiners", _joiners),
    ("More processes", "scaling", _scaling),
    ("A long queue", "queue", _queue_length),
    ("Waiting callers", "waiting", _waiting),
    ("Start", "startup", _startup),
    ("A minute of hits", "sustained", _sustained),
)
PLOTS = {
    "Exact hits": ("hits", "cpu"),
    "Misses": ("misses",),
    "Streams": ("streams",),
    "More processes": ("scaling",),
    "A long queue": ("queue",),
    "Waiting callers": ("waiting",),
    "A minute of hits": ("sustained",),
}


# --- how ---


def _method(run: Mapping[str, Any]) -> Lines:
    lines = ["## How", ""]
    if run["parts"].get("peers", {}).get("status") == "done":
        settings = run["parts"]["peers"]["result"]["settings"]
        lines += [
            f"Beside the peers: one run of their harness, {settings['reps']} repetitions, {settings['dur']} s each measurement "
            f"after 1 s of warm-up. All gateways are up for the whole run and share one mock upstream; each repetition goes "
            f"through all of them, ours last. Ours has {PROCESSES} front ends and {PROCESSES} workers (LiteLLM has 2 workers; "
            f"TensorZero is one process with threads), its own Redis with a log on disk, and its defaults: keys, limits and "
            f"ledger on.",
            "",
            "Fairness: a measurement ends only when all gateways are idle (together under "
            "0.15 cores over half a second) and our ledger is in SQL. So what a gateway does after its last answer, as writing "
            "a ledger, burdens nobody else, and counts as its own CPU. Ratios and differences are worked out in each repetition, "
            "then their median is taken.",
            "",
            "CPU ms/request: all processes of a gateway, ours with its Redis; the CPU of the harness's Redis is added to that "
            "of `litellm-redis` and `tensorzero-valkey`. The harness notes hundredths of a core, and requests are counted by "
            "their rate, so the last digit is not to be trusted.",
            "",
        ]
    lines += [
        f"Load in our own parts: {run['generator']}, prompts padded with {len(PADDING)} bytes. Others' cores: CPU of the machine "
        f"without that of this run; above {BUSY_CORES} a figure is listed under Warnings.",
        "",
    ]
    rows = [
        (name, part["status"], part["at"], part["commit"], part["took_s"], part["load_before"], part["load_after"])
        for name, part in run["parts"].items()
    ]
    return [*lines, *table("part | status | begun | commit | took s | load before | after", rows)]
