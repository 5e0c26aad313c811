#!/bin/sh
# What the bench installs; nothing runs it.
set -eu
. "$(dirname "$0")/../etc/environment.sh"
exec sleep "${1:-1}"
