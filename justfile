# `just` alone runs what a change has to pass.

check:
    uv run ruff check
    uv run ruff format --check
    uv run pyright
    uv run pytest

# Run the tests that take no more than a moment each; CI and `just` run the others too.
fast *options:
    uv run pytest -m "not slow" {{ options }}

# Put formatting and what can be fixed by itself right.
fix:
    uv run ruff check --fix
    uv run ruff format

# Buy a page on a local chain, start to finish.
demo:
    uv run purser demo

# Write the generated pages and the tables of the README.
docs:
    uv run python docs/generate.py

# Measure the start and a paid fetch.
bench:
    uv run python benchmarks/startup.py
    uv run python benchmarks/paid_fetch.py

# Fuzz every parser of a seller's bytes with coverage as the guide, a minute each.
fuzz target="all" seconds="60":
    uv run --with atheris python tests/fuzz/guided.py {{ target }} --seconds {{ seconds }}

# Live thousands of simulated lives of the purse, from seeds that nobody has tried.
simulate seeds="10000" first="0":
    uv run python tests/simulator/run.py --seeds {{ seeds }} --from {{ first }}

# Break each rule on purpose, one mutant at a time, and see that the tests notice.
mutants *options:
    uv run python tests/mutants.py {{ options }}
