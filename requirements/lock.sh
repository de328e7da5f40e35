#!/bin/sh
# Compile the four lock files: exact versions and hashes for every platform, no index addresses. Run from the root.
set -eu
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" "$@"
}
compile requirements/bootstrap.in --output-file requirements/bootstrap.txt "$@"
compile pyproject.toml --output-file requirements/production.txt "$@"
# The production lock constrains the other two, so all agree on every version they share.
compile pyproject.toml --group dev --constraint requirements/production.txt --output-file requirements/development.txt "$@"
compile pyproject.toml requirements/benchmarks.in --constraint requirements/production.txt --output-file requirements/benchmarks.txt "$@"
