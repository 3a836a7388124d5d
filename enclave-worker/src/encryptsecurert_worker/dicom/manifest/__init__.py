"""The signed manifest inside a protected study: what it says of a file, and the file it lies in.

clearform.py   digest of a clear data set that survives what a PACS does
entries.py     what a manifest says of one protected file
rawdata.py     the Raw Data Storage instance that carries it
studies.py     the manifests of the studies of one job, earlier batches merged in
"""
