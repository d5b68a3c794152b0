"""Live sessions over WebSockets: one answer to who is signed in, and in which organization."""

from sessionwire import auth
from sessionwire.app import SessionWire
from sessionwire.auth.events import Event
from sessionwire.gateways.python.answers import secure_error_json, secure_user_json
from sessionwire.gateways.python.hydration import hydration_script
from sessionwire.gateways.python.no_store import no_store
from sessionwire.gateways.python.origin import assert_fetch_metadata, assert_origin
from sessionwire.gateways.python.refusal import Refusal
from sessionwire.gateways.python.session import get_current_session, require_user
from sessionwire.model import Viewer
from sessionwire.reactive.membership import SessionContext as Context
from sessionwire.reactive.shapes import SessionView, User
from sessionwire.release import __version__
from sessionwire.settings import Settings

__all__ = [
    "Context",
    "Event",
    "Refusal",
    "SessionView",
    "SessionWire",
    "Settings",
    "User",
    "Viewer",
    "__version__",
    "assert_fetch_metadata",
    "assert_origin",
    "auth",
    "get_current_session",
    "hydration_script",
    "no_store",
    "require_user",
    "secure_error_json",
    "secure_user_json",
]
