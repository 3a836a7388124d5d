"""Which client this is: its own version, and the protocol that it speaks with workers.

Light: the first line that a program hears of a child is made of this, before anything else loads.
"""

VERSION = "0.1.0"
PROTOCOL = 2  # the number in `encryptsecurert_protocol.statement.PROTOCOL`, which loads far more
