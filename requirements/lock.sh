#!/bin/sh
# Compile the three lock files: exact versions and hashes for every platform, no index addresses. Run from the root.
set -eu
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" "$@"
}
compile requirements/bootstrap.in --output-file requirements/bootstrap.txt "$@"
compile pyproject.toml --output-file requirements/production.txt "$@"
# The production lock constrains the development lock, so both agree on every version they share.
compile pyproject.toml --group dev --constraint requirements/production.txt --output-file requirements/development.txt "$@"
