"""Entry point of the enclave: `python -m encryptsecurert_worker`."""

from encryptsecurert_worker.cli import main

main()
