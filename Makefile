.PHONY: check format

# The README's code blocks run as part of pytest (tests/test_readme.py).
check:
	ruff check .
	ruff format --check .
	mypy
	pytest --cov

format:
	ruff check --fix .
	ruff format .
