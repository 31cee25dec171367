"""Options that several commands share, and how they become a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from harness.errors import UsageError
from harness.plan import Plan

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
runs_option = click.option(
    "--runs",
    "runs_root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder below which runs are kept.",
)

_HOST_OPTIONS = (
    click.option("--hosts", help="Machines for the ssh cluster, separated by commas: user@host:port."),
    click.option(
        "--hosts-file",
        type=click.Path(path_type=Path),
        help="A file of such machines, one per line; after it, where peers need another, its address.",
    ),
    click.option("--ssh-key", help="The private key to log in with.  [default: the SSH agent's, the user's own]"),
    click.option("--known-hosts", help="The file of trusted host keys.  [default: ~/.ssh/known_hosts]"),
)

_PLAN_OPTIONS = (
    click.option(
        "--plan", "plan_file", type=click.Path(path_type=Path), help="A plan in YAML; options given here override it."
    ),
    click.option("--bug", help="Plant this bug in the target, see `splitbrain list bugs`."),
    click.option("--cluster", help="Where the nodes live: sim (default), process, docker, ssh, ..."),
    *_HOST_OPTIONS,
    click.option("--nodes", type=int, help="How many nodes.  [default: 5]"),
    click.option("--workload", help="What the clients do.  [default: register, or the target's first]"),
    click.option("--concurrency", type=int, help="How many clients at once.  [default: 10]"),
    click.option("--rate", type=float, help="Operations per second over all clients.  [default: the workload's]"),
    click.option("--keys", type=int, help="How many keys the workload uses.  [default: the workload's]"),
    click.option(
        "--nemesis",
        "nemesis",
        help="Faults to inject, separated by commas: partition,kill,pause,clock. "
        "Also packages: standard, process, network, storage, all; or 'none'.",
    ),
    click.option("--interval", help="Mean time between two events of each nemesis.  [default: 10s]"),
    click.option(
        "--keep-quorum",
        is_flag=True,
        default=None,
        help="Skip every fault after which no majority would be up and linked.",
    ),
    click.option("--watchdog", is_flag=True, default=None, help="Start again what crashed though no fault ended it."),
    click.option("--time", "time", help="How long the load lasts.  [default: 60s]"),
    click.option("--timeout", help="Deadline of one operation.  [default: 2s]"),
    click.option("--settle", help="Wait after healing, before the final reads.  [default: 5s]"),
    click.option("--seed", type=int, help="The one seed everything random is split from.  [default: drawn]"),
    click.option(
        "--expect",
        "expect",
        multiple=True,
        help="What must hold, instead of the target's own claims: linearizable, "
        "'{availability: {min: 0.99}}'. Repeatable; the second of a name is told of as availability-2, and so on.",
    ),
)


def plan_options(command: Command) -> Command:
    """Adds the options that make up a plan."""
    for option in reversed(_PLAN_OPTIONS):
        command = option(command)
    return command


def host_options(command: Command) -> Command:
    """Adds the options that name machines."""
    for option in reversed(_HOST_OPTIONS):
        command = option(command)
    return command


def machines_from(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an ssh cluster out of the command line's words; empty when no machine is named. Raises
    `UsageError`."""
    from harness.clusters.ssh import hosts

    named: dict[str, Any] = {}
    if given["hosts"] is not None and given["hosts_file"] is not None:
        raise UsageError("--hosts and --hosts-file both name machines: give one of them")
    if given["hosts"] is not None:
        named["hosts"] = [name.strip() for name in given["hosts"].split(",") if name.strip()]
    if given["hosts_file"] is not None:
        named |= hosts.read(given["hosts_file"])
    access = {"key": given["ssh_key"], "known_hosts": given["known_hosts"]}
    return named | {name: str(value) for name, value in access.items() if value is not None}


def plan_from(target: str | None, plan_file: Path | None, given: dict[str, Any]) -> Plan:
    """A plan out of the command line's words. Raises `PlanError` or `UsageError`."""
    overrides = {
        name: given[name]
        for name in ("cluster", "nodes", "concurrency", "time", "timeout", "settle", "seed", "keep_quorum", "watchdog")
        if given[name] is not None
    }
    if target is not None:
        overrides["target"] = target if given["bug"] is None else {"name": target, "bug": given["bug"]}
    elif given["bug"] is not None:
        raise UsageError("--bug needs a TARGET to plant it in; in a plan, write target: {name: ..., bug: ...}")
    if given.get("stop_on_violation") is not None:
        overrides["stop_on_violation"] = given["stop_on_violation"]
    if given["expect"]:
        overrides["expect"] = [_inline_yaml(text) for text in given["expect"]]
    machines = machines_from(given)
    if machines:
        overrides.setdefault("cluster", "ssh")
    base = Plan.build(_nemeses(given) | overrides, plan_file)
    return _with_workload(_with_machines(base, machines, given) if machines else base, given)


def _nemeses(given: dict[str, Any]) -> dict[str, Any]:
    if given["nemesis"] is None:
        if given["interval"] is not None:
            raise UsageError("--interval needs --nemesis: it says how often those faults come")
        return {}
    names = [name.strip() for name in given["nemesis"].split(",") if name.strip() and name.strip() != "none"]
    interval = {} if given["interval"] is None else {"interval": given["interval"]}
    return {"nemeses": [{"name": name, **interval} for name in names]}


def _with_machines(plan: Plan, machines: Mapping[str, Any], given: dict[str, Any]) -> Plan:
    if plan.cluster.name != "ssh":
        raise UsageError(f"--hosts and its like are for the ssh cluster, not for {plan.cluster.name}")
    kept = plan.cluster.options
    if "hosts" in machines:
        kept = {name: value for name, value in kept.items() if name != "addresses"}
    options = {**kept, **machines}
    nodes = plan.nodes if given["nodes"] is not None or "hosts" not in machines else len(machines["hosts"])
    fields = plan.model_dump() | {"cluster": {"name": "ssh", "options": options}, "nodes": nodes}
    return Plan.build(fields)


def _with_workload(plan: Plan, given: dict[str, Any]) -> Plan:
    options = {name: given[name] for name in ("rate", "keys") if given[name] is not None}
    name = given["workload"] or plan.workload.name
    if not options and name == plan.workload.name:
        return plan
    kept = plan.workload.options if name == plan.workload.name else {}
    return plan.model_copy(
        update={"workload": plan.workload.model_copy(update={"name": name, "options": {**kept, **options}})}
    )


def _inline_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(
            f"--expect {text!r} is neither a name nor inline YAML such as {{availability: {{min: 0.99}}}}"
        ) from None


def options_of(words: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` words as options; values are YAML. Raises `UsageError`."""
    options: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise UsageError(f"--option {word!r}: write NAME=VALUE, such as linearizable_keys=true")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--option {word!r}: the value is not YAML") from None
    return options
