"""A study out of a PACS into the worker's hands, and protected studies into a PACS.

    address.py  asked.py     who is spoken to, and what is asked for; words and request members
    model.py                 the seam: what a PACS can do, whichever protocol it speaks
    dimse*.py                C-ECHO, C-FIND, C-GET, C-MOVE, C-STORE (needs pynetdicom)
    web*.py multipart.py     QIDO-RS, WADO-RS, STOW-RS
    workspace.py             the private folder in which originals lie for a while
    clearform.py manifest_file.py fitness.py     what may leave this computer
    pull.py push.py commands.py telling.py       the commands

Nothing here decides how a study is protected: that is `client/protect.py` and the worker. Nothing
here prints, logs or repeats a value that came from a PACS, except UIDs, modalities and counts.
"""
