"""The key of an installation: it signs the sessions of the pages, and the secrets of webhooks are derived from it."""

from labs_schema.privacy.key_files import KeyFile
from labs_schema.settings import Settings, data_folder
from serving.store.database import Database


def session_key_file(database: Database) -> KeyFile:
    """`GRADER_SESSION_KEY`, or the default next to the store."""
    return KeyFile(
        Settings().session_key or (database.folder or data_folder()) / "session.key",
        "session key",
        "Without a backup, delete it; then everyone has to sign in again, and every webhook needs a new secret.",
        "bad-session-key",
    )
