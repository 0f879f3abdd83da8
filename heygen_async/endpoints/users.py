"""The account that the key belongs to."""

from __future__ import annotations

from heygen_async.endpoints.resource import Resource
from heygen_async.models.users import User
from heygen_async.session.endpoint import Endpoint

ME: Endpoint[User] = Endpoint(operation="users.me", method="GET", path="/v3/users/me", answer=User)


class Users(Resource):
    """``heygen.users``."""

    async def me(self) -> User:
        """Return the account of the key, with its remaining balance and credits."""
        return await self._session.call(ME, ME.at())
