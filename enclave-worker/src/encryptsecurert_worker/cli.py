"""`encryptsecurert-worker`: serve, and measure what a policy must name."""

import json
import logging
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker import __version__

if TYPE_CHECKING:
    from encryptsecurert_worker.server.config import WorkerConfig
    from encryptsecurert_worker.server.service import WorkerService

_LOG = logging.getLogger(__name__)
_EXIT_NO_SGX = 78
_STOPS = (signal.SIGTERM, signal.SIGINT)


def _provider(kind: str, state: Path) -> tuple[Any, Any]:
    from encryptsecurert_worker.server.providers import gramine_parts, simulated_parts

    if kind == "simulated":
        return simulated_parts(state)
    try:
        return gramine_parts()
    except EncryptSecureRTError as error:
        _stop(error, _EXIT_NO_SGX if error.code is ErrorCode.E_INTERNAL else error.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Run and measure the EncryptSecureRT worker."""


_VOUCHES = "Who vouches for the worker. 'simulated' protects nothing and says so everywhere."
_PROVIDER = click.option(
    "--provider",
    type=click.Choice(["gramine", "simulated"]),
    default="gramine",
    show_default=True,
    help=_VOUCHES,
)
_STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the worker's sealed state.",
)


@main.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file with the same names as these options; an option goes before it.",
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8443]")
@click.option("--metrics-port", type=int, help="Port on loopback for metrics.  [default: none]")
@click.option("--state", type=click.Path(), help="Folder for the worker's sealed state.")
@click.option(
    "--provider",
    type=click.Choice(["gramine", "simulated"]),
    help=f"{_VOUCHES}  [default: gramine]",
)
@click.option("--threads", type=int, help="Threads of a computing job.  [default: 2]")
@click.option("--memory-mib", type=int, help="What one job may take.  [default: 8192]")
@click.option("--stop-s", type=int, help="Seconds that a stop may take, 1 to 20.  [default: 20]")
def serve(config_file: Path | None, **options: Any) -> None:
    """Serve jobs over attested TLS until SIGTERM."""
    from encryptsecurert_worker.server.config import WorkerConfig
    from encryptsecurert_worker.server.log import configure_logging

    configure_logging()
    for number in _STOPS:
        signal.signal(number, _stop_once)
    flags = {name: value for name, value in options.items() if value is not None}
    try:
        if config_file is None:
            config = WorkerConfig.from_values(flags)
        else:
            config = WorkerConfig.from_toml(config_file, flags)
        _serve(config)
    except EncryptSecureRTError as error:
        _stop(error, error.exit_code)
    except KeyboardInterrupt:  # a stop that was asked for is a good end
        sys.exit(0)
    except Exception as error:  # the process's border: a traceback may hold what nobody should read
        _LOG.error("worker-crashed", extra={"kind": type(error).__name__})
        sys.exit(ErrorCode.E_INTERNAL.value.exit_code)


def _stop_once(number: int, frame: object) -> None:
    """Begin to stop; whoever asks again waits for the end, in which everything is written down."""
    for each in _STOPS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _serve(config: "WorkerConfig") -> None:
    from encryptsecurert_worker.server.process import (
        bound_memory,
        forbid_core_dumps,
        keep_what_is_loaded,
        share_arenas,
    )

    forbid_core_dumps()
    share_arenas()
    quotes, sealing = _provider(config.provider, config.state)  # without SGX it ends here, soon
    from encryptsecurert_worker.server.building import build_core
    from encryptsecurert_worker.server.service import WorkerService

    core = build_core(config, quotes, sealing)
    try:
        service = WorkerService(config, core)
    except EncryptSecureRTError:
        core.close()
        raise
    keep_what_is_loaded()
    bound_memory(config.memory_bytes)
    service.run(partial(_announce, service, simulated=config.provider == "simulated"))


def _announce(service: "WorkerService", *, simulated: bool) -> None:
    """Say where the worker listens and what it is: to a person, or to a program as JSON."""
    core = service.core
    facts: dict[str, object] = {
        "event": "listening",
        "url": service.url,
        "metrics": service.metrics.url,
        "provider": core.provider.kind.value,
        "measurement": core.provider.measurement,
        "version": __version__,
        "state": "new" if core.site.current is None else "restored",
        "epoch": core.epoch or None,
    }
    if simulated:
        facts["warning"] = "SIMULATED - this worker protects nothing"
    if sys.stdout.isatty():
        shown = {**facts, "event": None, "epoch": facts["epoch"] or "none yet: provision it"}
        for name, value in shown.items():
            if value is not None:
                click.echo(f"{name:>12}  {value}")
        click.echo(f"{'stop':>12}  Ctrl-C")
    else:
        click.echo(json.dumps(facts))
    sys.stdout.flush()


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@_STATE
@_PROVIDER
def measure(out: Path, state: Path, provider: str) -> None:
    """Write release.json and collateral.json: what the custodian's policy needs."""
    from encryptsecurert_worker.evidence.release import release
    from encryptsecurert_worker.vault.files import write_file

    try:
        quotes, _ = _provider(provider, state)
        facts = {
            "schema": "encryptsecurert.release/1",
            "version": __version__,
            "platforms": None,
            **release(quotes),
        }
        out.mkdir(parents=True, exist_ok=True)
        write_file(out / "release.json", json.dumps(facts, indent=1).encode() + b"\n")
        collateral = quotes.collateral()
        if collateral is not None:
            write_file(out / "collateral.json", collateral)
    except EncryptSecureRTError as error:
        _stop(error, error.exit_code)
    click.echo(json.dumps(facts))


def _stop(error: EncryptSecureRTError, exit_code: int) -> NoReturn:
    click.echo(f"{error.code.name}: {error.what} {error.todo}", err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
