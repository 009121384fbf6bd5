#!/bin/sh
# Installs the programs that the pipeline calls (sox, ffmpeg) and, with --tests, the browser that the pages are
# tested in and PostgreSQL, which a Prefect server is tested on. Does nothing when they are there; works as root or through sudo on Debian and Ubuntu.
set -eu

packages=""
command -v sox >/dev/null 2>&1 || packages="$packages sox libsox-fmt-all"
command -v ffmpeg >/dev/null 2>&1 && command -v ffprobe >/dev/null 2>&1 || packages="$packages ffmpeg"
if [ "${1:-}" = "--tests" ]; then
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1 || packages="$packages chromium"
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
        packages="$packages postgresql"
fi
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    packages="$packages python3-venv"
fi
[ -z "$packages" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: please install$packages; this script knows only apt-get" >&2
    exit 2
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "error: please run as root: apt-get install --no-install-recommends$packages" >&2
        exit 2
    fi
    sudo="sudo"
fi
echo "installing system packages:$packages"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $packages
