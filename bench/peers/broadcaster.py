"""mongo-broadcaster (PyPI) behind FastAPI, as its documentation shows it, with a cookie check."""

from __future__ import annotations

import contextlib
import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, WebSocket
from mongo_broadcaster import (
    BroadcasterConfig,
    CollectionConfig,
    MongoChangeBroadcaster,
    WebSocketChannel,
)
from pymongo import AsyncMongoClient

from bench.peers.announce import listening
from bench.people import token_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URI, DATABASE = os.environ["MONGODB_URI"], os.environ["DATABASE"]
SECRET = os.environ["SECRET"]

channel = WebSocketChannel()
client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(URI, tz_aware=True)


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    users = CollectionConfig(
        collection_name="user",
        database_name=DATABASE,
        recipient_identifier="_id",
        fields_to_watch=["name", "image"],
    )
    broadcaster = MongoChangeBroadcaster(BroadcasterConfig(mongo_uri=URI, collections=[users]))
    broadcaster.add_channel(channel)
    await broadcaster.start()
    yield
    await broadcaster.stop()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws")
async def serve(websocket: WebSocket) -> None:
    await channel.connect(websocket, authenticate=authenticate)


async def authenticate(websocket: WebSocket) -> tuple[bool, str]:
    token = token_in(websocket.headers.get("cookie", ""), SECRET)
    if token is None:
        return False, ""
    hashed = hashlib.sha256(token.encode()).hexdigest()
    session = await client[DATABASE]["session"].find_one({"token": hashed})
    if session is None or session["expiresAt"] <= datetime.now(UTC):
        return False, ""
    return True, str(session["userId"])


if __name__ == "__main__":
    with listening() as listener:
        config = uvicorn.Config(app, ws="websockets-sansio", log_level="error")
        uvicorn.Server(config).run(sockets=[listener])
