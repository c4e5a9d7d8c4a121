"""Cut a failing plan down to what its failure needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from sim_plan import Answer, Call, Event, Plan, Setting


def shrink(plan: Plan, fails: Callable[[Plan], bool], tries: int = 400) -> Plan:
    """Return the smallest plan found that still fails: fewer events, then plainer ones.

    Args:
        plan: one that fails.
        fails: runs a plan, and tells whether it breaks the same rule.
        tries: how many plans to run at most.
    """
    left, smaller = tries, True
    while smaller:
        smaller = False
        for candidate in _smaller(plan):
            if left == 0:
                return plan
            left -= 1
            if fails(candidate):
                plan, smaller = candidate, True
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield plans with one thing less: half of the events, one event, one oddity."""
    events = plan.events
    size = len(events) // 2
    while size:
        for start in range(0, len(events), size):
            yield replace(plan, events=events[:start] + events[start + size :])
        size //= 2
    for index, event in enumerate(events):
        for plainer in _plainer(event):
            yield replace(plan, events=(*events[:index], plainer, *events[index + 1 :]))
    usual = Setting()
    for one in fields(Setting):
        if getattr(plan.setting, one.name) != getattr(usual, one.name):
            if one.name in ("processes", "rpc_servers"):
                continue  # the events name them by number
            setting = replace(plan.setting, **{one.name: getattr(usual, one.name)})
            yield replace(plan, setting=setting)


def _plainer(event: Event) -> Iterator[Event]:
    """Yield the event with one of its fields as it is by default."""
    if not isinstance(event, Call):
        return
    usual = Call(event.at_ms, event.process, event.url)
    for one in fields(Call):
        if one.name != "answer" and getattr(event, one.name) != getattr(usual, one.name):
            yield replace(event, **{one.name: getattr(usual, one.name)})
    for one in fields(Answer):
        if getattr(event.answer, one.name) != getattr(usual.answer, one.name):
            answer = replace(event.answer, **{one.name: getattr(usual.answer, one.name)})
            yield replace(event, answer=answer)


def written(plan: Plan) -> str:
    """Write a plan as Python that makes it again, one event on a line."""
    lines = [f"Plan({plan.seed}, {_brief(plan.setting)}, ("]
    lines += [f"    {_brief(event)}," for event in plan.events]
    return "\n".join([*lines, "))"])


def _brief(one: Event | Setting | Answer) -> str:
    """Write an object without what is as by default."""
    parts: list[str] = []
    for field in fields(one):
        value = getattr(one, field.name)
        if value != field.default:
            text = _brief(value) if isinstance(value, Answer) else repr(value)
            parts.append(f"{field.name}={text}")
    return f"{type(one).__name__}({', '.join(parts)})"
