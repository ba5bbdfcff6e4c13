"""The fake Moodle answers what a real Moodle 4.3 answered to the same calls in the same order."""

from typing import Any

from serving.deliveries.platforms.moodle.client import flattened
from tests.harness.platforms.fake_moodle import TOKEN, FakeMoodle, recorded
from tests.harness.platforms.fake_moodle_server import nested

CHANGING = {"id", "timecreated", "timemodified"}
"""Ids of instances and times differ from run to run; ids of grades are compared by `itemid`."""


def compared(reply: Any, *, instances: bool) -> Any:
    if isinstance(reply, dict):
        left_out = CHANGING if instances else CHANGING - {"id"}
        return {key: compared(each, instances=instances) for key, each in reply.items() if key not in left_out}
    if isinstance(reply, list):
        found = [compared(each, instances=instances) for each in reply]
        return (
            sorted(found, key=lambda each: (each.get("itemid", 0), each.get("criterionid", 0))) if instances else found
        )
    return reply


def test_every_recorded_call_has_the_recorded_reply() -> None:
    site = FakeMoodle()
    differing = []
    for number, each in enumerate(recorded()):
        if "function" not in each:
            change = site.locked.add if "lock" in each else site.locked.discard
            change((each["assignment"], each.get("lock") or each["unlock"]))
            continue
        arguments = nested(flattened(each["arguments"]))
        answer = site.call(each["function"], arguments, "wrong" if each.get("token") else TOKEN)
        instances = "instances" in each["function"]
        if compared(answer, instances=instances) != compared(each["reply"], instances=instances):
            differing.append((number, each["function"], answer, each["reply"]))
    assert differing == []
