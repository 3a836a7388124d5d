"""The audit trail: hash-chained lines, sealed to the auditor."""
