"""How does Meta refuse? Its codes, HTTP statuses and bodies (Cloud API 13)."""

from typing import Final
from uuid import uuid4

from deploy.simulator.json_values import Json

_KNOWN: Final[dict[int, tuple[int, str]]] = {
    1: (400, "An unknown error occurred"),
    2: (503, "Service temporarily unavailable"),
    4: (400, "Application request limit reached"),
    10: (403, "Application does not have permission for this action"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token - Cannot parse access token"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (400, "Rate limit issues"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Message not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has opted out of marketing messages"),
    131051: (400, "Unsupported message type"),
    131053: (400, "Media upload error"),
    131056: (400, "Pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    132001: (404, "Template name does not exist in the translation"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    133004: (503, "Server temporarily unavailable"),
    133010: (400, "Phone number not registered"),
}
_TRANSIENT: Final = {2, 131000, 131016, 131057, 133004}


class RefusedError(Exception):
    """Meta's typed refusal, by code; `details` says which parameter."""

    def __init__(self, code: int, details: str = "", subcode: int | None = None) -> None:
        super().__init__(code)
        self.code, self.details, self.subcode = code, details, subcode
        self.http_status, self.title = _KNOWN.get(code, (400, "Unknown error"))

    def body(self) -> Json:
        """The synchronous answer (Cloud API 13.1)."""
        details = self.details or self.title
        error: Json = {
            "message": f"(#{self.code}) {self.title}",
            "type": "GraphMethodException" if self.subcode else "OAuthException",
            "code": self.code,
            "error_data": {"messaging_product": "whatsapp", "details": details},
            "fbtrace_id": "A" + uuid4().hex[:22],
        }
        if self.code in _TRANSIENT:
            error["is_transient"] = True
        if self.subcode:
            error["error_subcode"] = self.subcode
        return {"error": error}

    def of_status(self) -> Json:
        """The same inside a `failed` status."""
        return {
            "code": self.code,
            "title": self.title,
            "message": self.title,
            "error_data": {"details": self.details or self.title},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        }
