#!/bin/sh
# Installs Debian's Chromium, in which the tests in tests/browser look at pages, unless there is
# one. Usage: sh tools/browser.sh
set -eu

say() { printf '%s\n' "$*"; }
stop() { printf 'browser-setup: %s\n' "$*" >&2; exit 1; }

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
mend="apt-get update && apt-get install -y --no-install-recommends chromium"
command -v apt-get >/dev/null 2>&1 || stop "there is no apt-get; install Chromium in your own way."
[ "$(id -u)" -eq 0 ] || stop "this command installs Chromium: sudo sh -c '$mend'"
say "installing Chromium ..."
log=$(mktemp)
if ! (export DEBIAN_FRONTEND=noninteractive; sh -c "$mend") >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    stop "this command failed: $mend"
fi
rm -f "$log"
