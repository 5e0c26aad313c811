"""Ends well, having written rubbish where numbers were to be: bytes that are no text, control characters, no JSON."""

import sys
from pathlib import Path

from pyspark import SparkContext

RUBBISH = bytes(range(256)) + b"\x1b[2J\x1b]0;title\x07</script><script>alert(1)</script>\n"

context = SparkContext()
context.parallelize(range(10), 2).count()
Path(sys.argv[1]).write_bytes(b"\x1b[2J\x00" + 1000 * RUBBISH)
sys.stdout.flush()
sys.stdout.buffer.write(b"answer \xff\xfe\n" + 1000 * RUBBISH)
context.stop()
