"""Every setting of sessionwire: command line, environment, file, default, in this order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from sessionwire.errors import StartupError
from sessionwire.policy.limits import Limits
from sessionwire.policy.providers import Provider, google
from sessionwire.startup import checked

__all__ = ["Settings", "load_settings", "read_settings", "set_by"]


class _SecretFiles(PydanticBaseSettingsSource):
    """`SESSIONWIRE_<NAME>_FILE` names a file whose text is the value of a secret setting."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"SESSIONWIRE_{field_name.upper()}_FILE")
        if path is None or field_name not in Settings.secret_fields:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise StartupError(
                f"SESSIONWIRE_{field_name.upper()}_FILE cannot be read: {error.strerror}.",
                remedy="Name a readable file, or unset the variable.",
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


class Settings(BaseSettings):
    """One process's configuration; its field names are part of the interface.

    Each is set by `SESSIONWIRE_<NAME>` in the environment, by `name = …` in `sessionwire.toml`,
    or by the command line. Limits nest: `SESSIONWIRE_LIMITS__FRAME=8192`.
    """

    model_config = SettingsConfigDict(
        env_prefix="SESSIONWIRE_",
        env_nested_delimiter="__",
        toml_file="sessionwire.toml",
        extra="ignore",
        frozen=True,
        validate_default=False,
    )
    secret_fields: ClassVar[tuple[str, ...]] = (
        "secret", "mongodb_uri", "google_client_secret", "oidc_client_secret", "smtp_password",
        "webhook_secret", "admin_token",
    )  # fmt: skip

    mongodb_uri: SecretStr | None = None
    """A replica set; None starts the embedded mongod."""
    database: str = Field(default="sessionwire", min_length=1, max_length=63)
    data_dir: Path = Path(".sessionwire")
    environment: Literal["development", "production"] = "development"
    secret: SecretStr | None = None
    """Signs cookies; at least 32 bytes. Generated and kept in `data_dir` in development."""
    previous_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """What signed cookies before: they stay valid; separated by commas."""
    base_url: str = "http://127.0.0.1:8000"
    """The public address, without a path."""
    trusted_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Further origins whose pages may use the API and the live wire: exact, or `https://*.example.com`."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks whose `X-Forwarded-For` and `-Proto` are believed."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Which `Host` headers are answered; none: in production those of the origins, else any."""
    cookie_prefix: str = Field(default="sessionwire", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    compat: Literal["none", "better-auth"] = "none"
    driver: Literal["pymongo", "motor"] = "pymongo"
    active_organization: Literal["user", "session"] = "user"
    personal_workspace: bool = True
    pages: bool = True
    """Whether the pages are served: /sign-in and what belongs to it."""
    sign_up: bool = True
    """Whether people may sign up with a password."""
    auto_sign_in: bool = True
    """Whether signing up signs in."""
    require_email_verification: bool = False
    """Whether a password signs in only after the address was confirmed by mail."""
    change_email: bool = True
    delete_user: bool = True
    session_maximum_days: int = Field(default=90, ge=1, le=3650)
    """After sign-in, however active the session is."""

    rate_limit: bool | None = None
    """Whether callers are slowed down; None: in production."""
    refuse_common_passwords: bool | None = None
    """Whether the 10 000 commonest passwords are refused; None: in production."""
    verified_invitees: bool | None = None
    """Whether an invitation is accepted only by a confirmed address; None: in production."""

    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    oidc_issuer: str | None = None
    """One other OpenID provider, whose id is `oidc`."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_name: str = ""
    oidc: dict[str, Provider] = Field(default_factory=dict)
    """Any number of them by id: `SESSIONWIRE_OIDC__KEYCLOAK__ISSUER=https://…`."""

    mail_from: str = "sessionwire <no-reply@localhost>"
    smtp_host: str | None = None
    """None: in development mails are shown at /mailbox; in production nothing is sent."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None

    user_collection: str = "user"
    user_model: dict[str, str] = Field(default_factory=dict)
    """Which of its fields stands for which of ours, as in `{"name": "fullName"}`."""
    user_fields: Annotated[tuple[str, ...], NoDecode] = ()
    """Further fields of the user document that its owner is shown."""
    user_input_fields: Annotated[tuple[str, ...], NoDecode] = ()
    """Those of `user_fields` that their owner may change."""
    session_fields: Annotated[tuple[str, ...], NoDecode] = ()
    """Further fields of the session document that its owner is shown, and may change."""

    webhook_url: str | None = None
    """Where security events are posted, as signed CAEP tokens."""
    webhook_secret: SecretStr | None = None

    admin_token: SecretStr | None = None
    """Whoever presents it as a bearer may watch: the inspector, `sessionwire tail`, the metrics."""
    inspector: bool = True
    """Whether /inspector is served, to those who may watch."""
    observed_fields: dict[str, list[str]] = Field(default_factory=dict)
    """Further fields whose names the inspector may show, by collection; values never are."""

    opentelemetry: bool = False
    """Whether spans are made of requests and changes; where they go is said by `OTEL_…`."""
    metrics_dir: Path | None = None
    """Shared by processes that serve on one port, so that each of them answers for all."""

    limits: Limits = Limits()

    @field_validator(
        "trusted_origins", "trusted_proxies", "allowed_hosts", "previous_secrets",
        "user_fields", "user_input_fields", "session_fields",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _separated(cls, value: Any) -> Any:
        """In the environment, lists are separated by commas."""
        if isinstance(value, str):
            return tuple(each.strip() for each in value.split(",") if each.strip())
        return value

    @field_validator("base_url")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError("must be http(s)://host[:port] without a path")
        return f"{parts.scheme}://{parts.netloc}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        assert isinstance(init_settings, InitSettingsSource)
        assert isinstance(env_settings, EnvSettingsSource)
        return (
            init_settings,
            env_settings,
            _SecretFiles(settings_cls),
            TomlConfigSettingsSource(settings_cls),
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages are ours, or trusted.

        In development localhost and 127.0.0.1 are one.
        """
        own = [self.base_url]
        if self.environment == "development":
            for name, other in (("//127.0.0.1:", "//localhost:"), ("//localhost:", "//127.0.0.1:")):
                if name in self.base_url:
                    own.append(self.base_url.replace(name, other))
        return (*own, *self.trusted_origins)

    @property
    def any_port(self) -> bool:
        """Whether pages of this machine are ours on every port: in development, until `base_url`
        says which one is."""
        return self.environment == "development" and "base_url" not in self.model_fields_set

    @property
    def providers(self) -> dict[str, Provider]:
        """The identity providers that people may sign in with, by id."""
        found: dict[str, Provider] = {}
        if self.google_client_id is not None and self.google_client_secret is not None:
            found["google"] = google(self.google_client_id, self.google_client_secret)
        if self.oidc_issuer is not None and self.oidc_client_id is not None:
            found["oidc"] = Provider(
                issuer=self.oidc_issuer,
                client_id=self.oidc_client_id,
                client_secret=self.oidc_client_secret,
                name=self.oidc_name,
            )
        return {**found, **self.oidc}

    def strict(self, choice: bool | None) -> bool:
        """What a setting means that is on in production unless it is chosen."""
        return self.environment == "production" if choice is None else choice

    @property
    def keys(self) -> list[str]:
        """The secrets of cookies; the first signs, all verify."""
        assert self.secret is not None
        return [each.get_secret_value() for each in (self.secret, *self.previous_secrets)]

    @property
    def secure(self) -> bool:
        """Whether the public address is https."""
        return self.base_url.startswith("https://")


def load_settings(**given: Any) -> Settings:
    """The effective settings; `given` (the command line) wins, and None means "not given".

    Raises StartupError with the remedy when a value is wrong, or when the server would be insecure.
    """
    return checked(read_settings(**given))


def read_settings(**given: Any) -> Settings:
    """What is set, whether or not a server would start with it; makes no secret.

    Raises StartupError with the remedy when a value is wrong.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "__".join(str(part) for part in first["loc"]).upper()
        raise StartupError(
            f"SESSIONWIRE_{name}: {first['msg']}.", remedy="Correct this setting."
        ) from None


def set_by(settings_class: type[Settings] = Settings) -> dict[str, dict[str, Any]]:
    """What the environment, the secret files and `sessionwire.toml` each say, the first wins."""
    return {
        "environment": EnvSettingsSource(settings_class)(),
        "secret file": _SecretFiles(settings_class)(),
        "sessionwire.toml": TomlConfigSettingsSource(settings_class)(),
    }
