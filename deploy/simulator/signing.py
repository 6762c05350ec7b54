"""Which bytes does Meta send, and how are they signed (Cloud API 3.2)?"""

import hashlib
import hmac
import json

# In JSON text these characters stand inside strings only, so replacing them afterwards is safe.
_ESCAPES = (("/", "\\/"), ("<", "\\u003C"), ("%", "\\u0025"), ("@", "\\u0040"))


def escaped(value: object) -> bytes:
    """The body as Meta writes it: non-ASCII in lower-case hexadecimal, and a few signs besides."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for plain, sign in _ESCAPES:
        text = text.replace(plain, sign)
    return text.encode("ascii")


def signature(secret: str, body: bytes) -> str:
    """The value of the header X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
