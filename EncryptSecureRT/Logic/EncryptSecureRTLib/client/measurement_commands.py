"""The command `measurement-compare`, between the parsed words and the library."""

from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.session import Command, Switch, open_session


def measurement_compare(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Compare a measurement; a pass rate beyond a limit is a result, and the exit code is 0."""
    from EncryptSecureRTLib.client.measurement_compare import (
        MEASUREMENT_FILES,
        compare_measurement,
        read_measurement_inputs,
    )
    from EncryptSecureRTLib.client.measurement_told import measurement_told
    from EncryptSecureRTLib.client.results import refuse_if_taken

    out = invocation.need_out()
    refuse_if_taken(out, MEASUREMENT_FILES)
    reporter.stage("read")
    inputs = read_measurement_inputs(invocation.measurement)
    with open_session(invocation, reporter, switch) as (channel, watcher):
        home = ClientHome(invocation.home)
        made = compare_measurement(channel, home, inputs, out, watcher)
    reporter.result(*measurement_told(made))
    return 0


COMMANDS: dict[str, Command] = {"measurement-compare": measurement_compare}
