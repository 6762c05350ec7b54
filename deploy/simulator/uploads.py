"""Files that the business uploaded: usable by one number, for 30 days (Cloud API 10)."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from deploy.simulator.files import File

_LIVES_SECONDS: Final = 30 * 86_400
_KEPT_BYTES: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of one number."""

    id: str
    phone_number_id: str
    file: File
    at: float


class Uploads:
    """By id; the oldest go when there are too many bytes."""

    def __init__(self) -> None:
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._bytes = 0

    def add(self, phone_number_id: str, file: File, now: float) -> Upload:
        """Keep a file under an id that no customer's file has."""
        upload = Upload(f"9{secrets.randbelow(10**14):014}", phone_number_id, file, now)
        self._uploads[upload.id] = upload
        self._bytes += len(file.data)
        while self._bytes > _KEPT_BYTES:
            self.remove(next(iter(self._uploads)))
        return upload

    def find(self, media_id: str, now: float) -> Upload | None:
        """The upload, unless it is too old."""
        upload = self._uploads.get(media_id)
        return upload if upload and now < upload.at + _LIVES_SECONDS else None

    def remove(self, media_id: str) -> None:
        """Forget an upload."""
        upload = self._uploads.pop(media_id, None)
        if upload:
            self._bytes -= len(upload.file.data)

    def clear(self) -> None:
        """Forget all."""
        self._uploads.clear()
        self._bytes = 0
