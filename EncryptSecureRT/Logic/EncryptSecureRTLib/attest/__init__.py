"""From a worker's evidence to a verdict, under the site's policy.

    certificate (DER) ----> ratls ----\
                                       +--> verifier --> Verdict (one row for each check)
    statement, quote, collateral ----/        |
                                              +-- policy      what the site accepts
                                              +-- collateral  what the platform's maker says of it
                                              +-- memory      what was seen before

There is one path for simulated and for real evidence; they differ in the root only, and which
root counts is said by the policy, never by the evidence. What comes in is hostile: every parser
here raises `EncryptSecureRTError` and nothing else. Nothing here opens a connection.
"""
