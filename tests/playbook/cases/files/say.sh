#!/bin/sh
printf "%s|" "$0" "$@" | sed "s,.*/,,"
echo
echo err >&2
exit "${WITH_STATUS:-0}"
