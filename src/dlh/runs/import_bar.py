"""How far an import is, on a terminal."""

from __future__ import annotations

from tqdm import tqdm

from dlh.data.store.folder import Progress


class ImportBar:
    """A context that shows how far videos are decoded; nothing where there is nothing to decode."""

    def __enter__(self) -> ImportBar:
        self._bar: tqdm | None = None
        return self

    def show(self, progress: Progress) -> None:
        """Takes what an import tells about itself."""
        if self._bar is None:
            self._bar = tqdm(
                total=progress.files, desc="reading videos", unit="file", leave=False, disable=None
            )
        self._bar.update(progress.files_done - self._bar.n)
        self._bar.set_postfix_str(f"{progress.source}, frame {progress.frames}", refresh=False)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
