#!/bin/sh
# Install the Debian packages that are missing, or say which are and go on: the tests that need
# them are then skipped with that reason.
set -eu
missing=""
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Not a Debian system: install yourself, if you want every test to run:$missing" >&2
    exit 0
fi
run=""
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Not root: install yourself, if you want every test to run:$missing" >&2
        exit 0
    fi
    run="sudo -n"
fi
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -qq
# shellcheck disable=SC2086 -- a list on purpose
$run apt-get install -y -qq --no-install-recommends $missing >/dev/null
# A package may start its service; tests start their own, on ports of their own.
case " $missing " in
*" orthanc "*)
    if [ -d /run/systemd/system ]; then
        $run systemctl disable --now -q orthanc
    elif [ -e /run/orthanc.pid ]; then
        $run service orthanc stop
    fi
    ;;
esac
