#!/bin/sh
# Makes an environment and installs the package in it with the exact versions of
# requirements-dev.txt, or of another file. From the root of the checkout:
# sh tools/setup.sh VENV [PYTHON [REQUIREMENTS]]
set -eu

venv=$1
python=${2:-}
requirements=${3:-requirements-dev.txt}

say() { printf '%s\n' "$*"; }
stop() { printf 'setup: %s\n' "$*" >&2; exit 1; }

recent() {  # is $1 a Python that the package runs on?
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

choose_python() {
    if [ -n "$python" ]; then
        recent "$python" || stop "$python is not a Python 3.11 or newer."
        return
    fi
    for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if recent "$python"; then return; fi
    done
    stop "no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python"
}

# Debian and its children keep ensurepip, which venv needs, in a package of its own.
mend_venv() {
    if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then return; fi
    executable=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    case $executable in
        /usr/bin/*) [ -e /etc/debian_version ] || stop "$executable lacks the module ensurepip." ;;
        *) stop "$executable lacks the module ensurepip; choose another: make PYTHON=/path/to/python" ;;
    esac
    package=python$version-venv
    mend="apt-get update && apt-get install -y $package"
    if [ "$(id -u)" -ne 0 ]; then
        stop "$executable cannot make environments; this mends it: sudo sh -c '$mend'"
    fi
    say "installing $package, which makes environments on Debian ..."
    log=$(mktemp)
    if ! (apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "$package") \
        >"$log" 2>&1
    then
        cat "$log" >&2
        rm -f "$log"
        stop "this command failed: $mend"
    fi
    rm -f "$log"
}

# A usable environment is kept: it may hold more than this script puts there.
make_venv() {
    if recent "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    choose_python
    mend_venv
    say "making $venv with $("$python" --version) ..."
    "$python" -m venv --clear "$venv"
}

pip_install() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@"
}

make_venv
say "installing into $venv ..."
pip_install -r "$requirements"
# The build backend is among the requirements, so nothing unpinned is fetched to build the package.
pip_install --no-build-isolation --no-deps -e .
