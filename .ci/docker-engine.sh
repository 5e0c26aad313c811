# Sourced: sees to it that a Docker engine answers this user, and undoes that at the end.
#
# DOCKER_HOST     where it answers; the unix socket on which one is started if need be (default: the system's)
# DOCKERD_OPTIONS more words for the dockerd that is started here
# as_root         what is sourced before: runs its words as root

engine_deadline=120 # seconds; a first start takes 2 to 10
engine_folder=      # of the one started here: its data, pid, log
engine_socket=      # of one that was there, lent to this user

engine_start() {
    local host="${DOCKER_HOST:-unix:///var/run/docker.sock}" said
    if said=$(_engine_version); then
        echo "Docker engine $said answers."
        return
    fi
    if said=$(as_root docker -H "$host" version --format '{{.Server.Version}}' 2>&1); then
        # To own the socket is enough, changes no group, and ends with the engine if we can't end it.
        engine_socket=${host#unix://}
        as_root chown "$(id -u)" "$engine_socket"
        if said=$(_engine_version); then
            echo "Docker engine $said answers; its socket is $(id -un)'s until the end."
            return
        fi
        echo "A Docker engine is at $host, but it does not answer $(id -un), though the socket is his: $said" >&2
        return 1
    fi
    case $host in
        unix://*) ;;
        *) echo "No Docker engine answers at DOCKER_HOST=$host, and one is started on a unix socket only: $said" >&2 && return 1 ;;
    esac
    # A service that was just installed may be on its way up; an engine beside it would take its socket away.
    local service=/proc/none
    [ "$host" = unix:///var/run/docker.sock ] && service=/proc/$(cat /var/run/docker.pid 2>/dev/null || echo none)
    if [ -d "$service" ]; then
        _engine_wait "$service" "$host"
        return
    fi
    # Data of its own: what the machine's engine keeps, and would start again, is none of ours.
    engine_folder=$(mktemp -d "${TMPDIR:-/var/tmp}/sparkbed-docker.XXXXXX")
    # shellcheck disable=SC2086  # DOCKERD_OPTIONS are words
    as_root dockerd -H "$host" --group "$(id -g)" --pidfile "$engine_folder/pid" --data-root "$engine_folder/data" \
        --exec-root "$engine_folder/exec" ${DOCKERD_OPTIONS:-} >"$engine_folder/log" 2>&1 </dev/null &
    _engine_wait "/proc/$!" "$host"
}

# Ends the engine that was started here, and takes a lent socket back. Twice is harmless.
engine_stop() {
    if [ -n "$engine_socket" ]; then
        as_root chown root "$engine_socket" || true
        engine_socket=
    fi
    [ -n "$engine_folder" ] || return 0
    local pid until=$((SECONDS + engine_deadline))
    if pid=$(as_root cat "$engine_folder/pid" 2>/dev/null); then
        as_root kill "$pid" 2>/dev/null || true
        while [ -d "/proc/$pid" ]; do
            if [ $SECONDS -ge $until ]; then
                echo "dockerd ($pid) does not end; its log: $engine_folder/log" >&2
                return 1
            fi
            sleep 0.2
        done
    fi
    # An engine leaves the network namespace mounted that containers on the host's network shared.
    local mounted
    while read -r _ mounted _; do
        case $mounted in "$engine_folder"/*) as_root umount "$mounted" ;; esac
    done </proc/mounts
    as_root rm -rf "$engine_folder"
    engine_folder=
}

_engine_version() { timeout 60 docker version --format '{{.Server.Version}}' 2>&1; }

# Until it answers, its process (a folder in /proc) is gone, or it is too late.
_engine_wait() {
    local said until=$((SECONDS + engine_deadline))
    while ! said=$(_engine_version); do
        if [ ! -d "$1" ]; then
            echo "dockerd ended before it answered at $2." >&2
        elif [ $SECONDS -ge $until ]; then
            echo "dockerd does not answer at $2 within $engine_deadline s: $said" >&2
        else
            sleep 0.2
            continue
        fi
        [ -z "$engine_folder" ] || { echo "The last lines of its log:" && tail -n 15 "$engine_folder/log"; } >&2
        return 1
    done
    echo "Docker engine $said answers at $2."
}
