"""Live sessions over WebSockets: one answer to who is signed in, and in which organization."""

from sessionwire.app import SessionWire
from sessionwire.model import Viewer
from sessionwire.reactive.membership import SessionContext as Context
from sessionwire.settings import Settings

__all__ = ["Context", "SessionWire", "Settings", "Viewer", "__version__"]

__version__ = "0.1.0"
