"""Files: those of customers, and those that were uploaded to be sent."""

from alembic import op

revision = "0006"
down_revision = "0005"

_MEDIA = """
CREATE TABLE media (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    direction text COLLATE "C" NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'stored', 'unavailable')),
    mime_type text NOT NULL,
    created_at timestamptz NOT NULL,
    sealed_filename bytea,
    size bigint,
    sha256 bytea,
    salt bytea,
    reason text COLLATE "C",
    attempts integer NOT NULL DEFAULT 0,
    conversation_id uuid,
    message_id uuid,
    provider_id text,
    key bytea,
    correlation text COLLATE "C",
    next_attempt_at timestamptz,
    CHECK (state <> 'stored' OR (size IS NOT NULL AND sha256 IS NOT NULL AND salt IS NOT NULL)),
    CHECK (direction = 'outbound' OR
        (conversation_id IS NOT NULL AND message_id IS NOT NULL AND provider_id IS NOT NULL
         AND key IS NOT NULL))
);
CREATE INDEX media_due ON media (next_attempt_at)
    WHERE state = 'pending' AND direction = 'inbound';
CREATE INDEX media_unavailable ON media (created_at) WHERE state = 'unavailable';
"""
# Meta's id of a file under one number; `next_attempt_at` of one that is being uploaded is the end
# of the lease of who uploads it.
_UPLOAD = """
CREATE TABLE media_upload (
    media_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    provider_id text,
    expires_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    PRIMARY KEY (media_id, connection_id)
);
"""
_QUEUE = """
ALTER TABLE queue ADD COLUMN media_id uuid;
CREATE INDEX queue_media ON queue (media_id, connection_id)
    WHERE state = 'queued' AND media_id IS NOT NULL;
"""


def upgrade() -> None:
    """Create the tables."""
    for statement in (_MEDIA, _UPLOAD, _QUEUE):
        op.execute(statement)
