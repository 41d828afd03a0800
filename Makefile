.PHONY: check format

# The code blocks of the README and of docs/ run as part of pytest (tests/test_docs.py).
check:
	ruff check .
	ruff format --check .
	mypy
	pytest -n 2 --cov

format:
	ruff check --fix .
	ruff format .
