"""What all tests share."""

import os
from pathlib import Path

import pytest

# Set before anything imports matplotlib: no test may open a window.
os.environ["MPLBACKEND"] = "Agg"
# Set before anything imports torch: processes side by side share the cores.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of data that does not ship with the package; skip the test where there is none."""
    given = os.environ.get("SKMTL_DATA")
    if given:
        folder = Path(given)
        if not folder.is_dir():
            pytest.fail(f"SKMTL_DATA is {given!r}, which is not a folder")
        return folder
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the data that does not ship with the package: set SKMTL_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def pretrained_models(tmp_path_factory) -> dict[str, str]:
    """Return the folders of small random models, by the name of their kind; skip the test without transformers."""
    for package in ("transformers", "peft"):
        pytest.importorskip(package, reason=f"needs {package}: pip install 'skmtl[pretrained]'")
    from tests.pretrained import save_models

    return save_models(tmp_path_factory.mktemp("models"))
