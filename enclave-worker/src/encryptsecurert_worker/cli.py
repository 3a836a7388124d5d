"""`encryptsecurert-worker`: serve, and measure what a policy must name."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker import __version__

_EXIT_NO_SGX = 78


def _provider(kind: str, state: Path) -> tuple[Any, Any]:
    from encryptsecurert_worker.server.providers import gramine_parts, simulated_parts

    return simulated_parts(state) if kind == "simulated" else gramine_parts()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Run and measure the EncryptSecureRT worker."""


_PROVIDER = click.option(
    "--provider",
    type=click.Choice(["gramine", "simulated"]),
    default="gramine",
    show_default=True,
    help="Who vouches for the worker. 'simulated' protects nothing and says so everywhere.",
)
_STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the worker's sealed state.",
)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True)
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True)
@_STATE
@_PROVIDER
def serve(host: str, port: int, threads: int, state: Path, provider: str) -> None:
    """Serve jobs over attested TLS until SIGTERM."""
    from encryptsecurert_worker.server.log import configure_logging
    from encryptsecurert_worker.server.service import WorkerConfig, WorkerService, build_core

    configure_logging()
    try:
        config = WorkerConfig(host=host, port=port, state=state, threads=threads)
        quotes, sealing = _provider(provider, state)
        service = WorkerService(config, build_core(config, quotes, sealing))
        service.claim()
    except EncryptSecureRTError as error:
        _stop(error, provider)
    ready = {
        "event": "listening",
        "url": service.url,
        "provider": quotes.kind.value,
        "measurement": quotes.measurement,
        "version": __version__,
    }
    if provider == "simulated":
        ready["warning"] = "SIMULATED - this worker protects nothing"
    click.echo(json.dumps(ready))
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        service.run()
    except KeyboardInterrupt:
        sys.exit(0)


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
        _stop(error, provider)
    click.echo(json.dumps(facts))


def _stop(error: EncryptSecureRTError, provider: str) -> None:
    click.echo(f"{error.code.name}: {error.what} {error.todo}", err=True)
    no_sgx = provider == "gramine" and error.code is ErrorCode.E_INTERNAL
    sys.exit(_EXIT_NO_SGX if no_sgx else error.exit_code)


if __name__ == "__main__":
    main()
