#!/bin/sh
# Build or refresh .bench, what `make bench` needs beside this checkout: the peers, and wrk unless it is installed.
# Run from the project's root, after `make setup`; does nothing when all is there.
set -eu

STAMP=.bench/installed
wanted() { pwd; cat requirements/benchmarks.txt requirements/benchmarks.sh; }

install_packages() {
    echo "setting up .bench" >&2
    rm -f "$STAMP"
    UV_PYTHON_DOWNLOADS=never .venv/bin/uv venv --quiet --clear --python .venv/bin/python .bench/venv
    .venv/bin/uv pip sync --quiet --compile-bytecode --python .bench/venv/bin/python --require-hashes requirements/benchmarks.txt
    wanted >"$STAMP"
}

# wrk is on no Python index; Debian's and Ubuntu's packages need no root when they are only unpacked.
unpack_wrk() {
    echo "unpacking wrk into .bench/wrk" >&2
    rm -rf .bench/wrk .bench/packages
    mkdir -p .bench/packages
    (cd .bench/packages && apt-get download --quiet wrk libluajit-5.1-2) >.bench/wrk.log 2>&1 &&
        for package in .bench/packages/*.deb; do dpkg -x "$package" .bench/wrk || return 1; done
}

# It says its version and exits with 1, so only "cannot be executed" and "lacks a library" are failures.
runs() { status=0; "$@" -v >/dev/null 2>&1 || status=$?; [ "$status" -lt 126 ]; }

wrk_is_there() { runs wrk || runs .bench/wrk.sh; }

write_launcher() {
    libraries=$(dirname "$(cd .bench && find wrk -name 'libluajit-5.1.so.2' | head -n 1)")
    # It finds its own place, whose path may have any character.
    printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd)\nLD_LIBRARY_PATH="$here/%s" exec "$here/wrk/usr/bin/wrk" "$@"\n' \
        "$libraries" >.bench/wrk.sh
    chmod +x .bench/wrk.sh
}

mkdir -p .bench
if ! { [ -f "$STAMP" ] && wanted | cmp -s - "$STAMP"; }; then install_packages; fi
if ! wrk_is_there; then
    if ! { unpack_wrk && write_launcher && wrk_is_there; }; then
        echo "error: the load generator wrk is missing: install it (apt-get install wrk, dnf install wrk, brew install wrk)" >&2
        exit 1
    fi
fi
