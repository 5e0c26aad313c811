from sparkbed import starting

starting.begin()

from sparkbed.program import main  # noqa: E402  # what it imports is what begin() is about

try:
    main()
except SystemExit as leaving:
    if isinstance(leaving.code, int):
        starting.end(leaving.code)
    raise
