"""The command `dose-compare`, between the parsed words and the library."""

from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.dose_criteria import usage
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.session import Command, Switch, open_session


def dose_compare(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Compare two doses, or only have the worker take the job."""
    from EncryptSecureRTLib.client.display_writer import refuse_unless_ready
    from EncryptSecureRTLib.client.dose_compare import RESULT_FILES, ReportChoice, compare_doses
    from EncryptSecureRTLib.client.dose_inputs import read_inputs
    from EncryptSecureRTLib.client.dose_told import comparison_told
    from EncryptSecureRTLib.client.results import refuse_if_taken

    asked, home = invocation.dose, ClientHome(invocation.home)
    if invocation.detach:
        return _detached(invocation, reporter, switch)
    choice = ReportChoice(
        out=invocation.need_out(),
        html=not asked.no_report,
        pdf=asked.pdf,
        display=invocation.display,
    )
    refuse_if_taken(choice.out, RESULT_FILES)
    if choice.display is not None:
        refuse_unless_ready(choice.display)
    reporter.stage("read")
    inputs = read_inputs(asked)
    with open_session(invocation, reporter, switch) as (channel, watcher):
        made = compare_doses(channel, home, inputs, choice, watcher)
    words, value = comparison_told(made, inputs.known.labels, inputs.known.percent_gy)
    reporter.result("\n".join([words, *(f"note: {note}" for note in inputs.known.notes)]), value)
    return 0


def _detached(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    from EncryptSecureRTLib.client.dose_compare import order_comparison
    from EncryptSecureRTLib.client.dose_inputs import read_inputs

    if any((invocation.out, invocation.display, invocation.dose.pdf, invocation.dose.with_names)):
        raise usage("--detach writes no files: fetch takes --out")
    reporter.stage("read")
    inputs = read_inputs(invocation.dose)
    with open_session(invocation, reporter, switch) as (channel, watcher):
        order = order_comparison(channel, ClientHome(invocation.home), inputs, watcher)
        simulated = channel.verdict.simulated
    words = f"job {order.job}\nGet its results: encryptsecurert fetch {order.job} --out DIR"
    reporter.result(words, {"job": order.job, "simulated": simulated})
    return 0


COMMANDS: dict[str, Command] = {"dose-compare": dose_compare}
