"""The officer's report of a `protect` job: what stands in clear and why, what was sealed by class.

table_e1_1.py   what PS3.15 does with an attribute by default
rows.py         what may stand in clear of a kind, as rows of a report
counting.py     in how many instances each row was; how many sealed attributes each class has
job_report.py   the report of one job

The clear part is counted as it stands in the protected file, never as it was meant. Numbers only:
no value, no name of a sealed attribute.
"""

from encryptsecurert_worker.dicom.report.job_report import JobReport

__all__ = ["JobReport"]
