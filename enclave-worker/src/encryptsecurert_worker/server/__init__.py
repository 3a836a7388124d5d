"""HTTP: routes, TLS, and who is calling. It decides nothing about tasks or DICOM."""
