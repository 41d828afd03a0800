"""Files that do not ship with the package: where a user's own copy lies, and what to say if it does not.

Nothing is ever downloaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SKMTL_DATA"


@dataclass(frozen=True)
class UserCopy:
    """A file that the user has to supply.

    Attributes
    ----------
    path : str
        Where it lies in the data folder, with `/` between folders.
    what : str
        What the data set is, and what the file must look like.
    licence : str
    where : str
        Where to get it.
    """

    path: str
    what: str
    licence: str
    where: str

    def find(self, data_home: str | os.PathLike[str] | None) -> Path:
        """Return the path of the file.

        Parameters
        ----------
        data_home : path-like or None
            The data folder; None reads the environment variable SKMTL_DATA.

        Raises
        ------
        FileNotFoundError
            If there is no such file, or no folder is known.
        """
        folder = os.environ.get(VARIABLE) if data_home is None else data_home
        if not folder:
            raise FileNotFoundError(
                f"{self.path} does not ship with skmtl, and no folder is known to look for it: give data_home= or set "
                f"the environment variable {VARIABLE}. {self._story()}"
            )
        file = Path(folder).expanduser() / self.path
        if not file.is_file():
            said = f"the environment variable {VARIABLE}" if data_home is None else "data_home"
            raise FileNotFoundError(
                f"There is no file {str(file)!r} (the folder is that of {said}, {str(folder)!r}). {self._story()}"
            )
        return file

    @property
    def description(self) -> str:
        """What the data set is, its licence and source, as the `DESCR` of a Bunch."""
        return f"{self.what}\n\nSource: {self.where}\nLicence: {self.licence}\n"

    def _story(self) -> str:
        return f"The file holds: {self.what} Licence: {self.licence}. Get it from {self.where}. Nothing is downloaded."
