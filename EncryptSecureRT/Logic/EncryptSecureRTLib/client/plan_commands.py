"""The command `plan-compare`, between the parsed words and the library."""

from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.session import Command, Switch, open_session


def plan_compare(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Compare a plan; differences beyond tolerance are a result, and the exit code is 0."""
    from EncryptSecureRTLib.client.plan_check import PlanRequest, compare_plan
    from EncryptSecureRTLib.client.plan_words import compared_told

    asked = invocation.plan
    reference, other = asked.pair()
    request = PlanRequest(
        reference=reference,
        other=other,
        matching=asked.matching,
        tolerances=asked.tolerances,
        out=invocation.need_out(),
    )
    with open_session(invocation, reporter, switch) as (channel, watcher):
        made = compare_plan(channel, ClientHome(invocation.home), request, watcher)
    reporter.result(*compared_told(made))
    return 0


COMMANDS: dict[str, Command] = {"plan-compare": plan_compare}
