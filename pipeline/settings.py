"""One typed settings object. An unknown or impossible setting stops the start with a message that names it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0, le=1e8)]  # three years: no timer of the system takes an infinity
SHORTEST_SECRET = 16
MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes, its ending zero included
Share = Annotated[float, Meta(ge=0, le=1)]
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """A setting is unknown, malformed or contradicts another. The message says which and what to do."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. Field `redis_url` is the environment variable `LEO_REDIS_URL`, and so on."""

    # Where it listens and keeps its data
    host: str = "127.0.0.1"
    port: Port = 8000
    home: str = "~/.leo-optima"
    redis_url: str = ""  # empty: `leo up` starts a private Redis under LEO_HOME
    broker_url: str = ""  # empty: the same Redis, database 1
    database_url: str = ""  # empty: SQLite under LEO_HOME

    # Who may call
    api_key: str = ""  # a gateway key of the tenant "default"; more are made with `leo keys create`
    admin_key: str = ""
    open: bool = False  # no key needed at all: only for a network that is closed already

    # Upstreams
    models_file: str = ""  # YAML model table; empty: models.yaml under LEO_HOME if it is there
    connect_timeout_s: Seconds = 5.0
    deadline_s: Seconds = 600.0  # from a request to the end of its answer; the official clients' own patience
    max_deadline_s: Seconds = 3600.0  # the most that a caller may ask for with X-LEO-Deadline
    max_attempts: Positive = 3
    breaker_failures: Positive = 5
    breaker_reset_s: Seconds = 10.0

    # The exact cache
    exact_ttl_s: Seconds = 3600.0
    hot_cache_mb: Annotated[int, Meta(ge=0)] = 64  # stored answers held in each front-end process; 0: none
    linger_s: Seconds = 30.0  # how long the log of a finished request stays for late joiners
    idempotency_ttl_s: Seconds = 86400.0
    max_answer_bytes: Positive = 4 * 1024 * 1024
    cache_scope: str = "tenant"  # or "user": the `user` parameter is then part of the key
    cache_max_temperature: float = 2.0  # above it answers are neither stored nor served again

    # The semantic cache: answers by meaning
    semantic_cache: bool = True
    semantic_budget: Annotated[float, Meta(gt=0, le=0.2)] = 0.01  # wrong answers for each request, for tenants without their own
    semantic_audits: Share = 0.05  # of its hits: the model is asked as well, and the answers are compared
    semantic_judge_model: str = ""  # asked about candidates that were close to being served; empty: the answers are compared here
    semantic_embedder: str = ""  # an embeddings model of the table; empty: the sentence model that ships
    semantic_index: str = "auto"  # pgvector where the database has it, else memory; or which of them it must be
    semantic_ttl_s: Seconds = 86400.0
    semantic_changing_ttl_s: Seconds = 86400.0  # of answers that become wrong with time; never longer than the other
    semantic_max_temperature: float = 0.7  # requests that ask for more chance than that are not answered by meaning
    semantic_sharing: str = "tenant"  # or "key": an answer is found only by the key that asked for it
    semantic_max_entries: Positive = 1_000_000
    semantic_max_mb: Positive = 4096
    secret_key: str = ""  # seals what is stored; empty: one is made under LEO_HOME. The same on all machines of a deployment

    # Fewer calls, fewer tokens
    decomposition: str = "off"  # several questions in one are answered part by part where that saves a call: on, parallel, off
    decomposition_calls: int = 1  # the most that the parts of one question may take together; the direct answer takes 1
    prompt_optimization: str = "off"  # how far prompts are shortened: off, lossless, plain, extractive

    # Bounds
    max_body_bytes: Positive = 20 * 1024 * 1024
    max_waiting: Positive = 2048  # callers waiting at once in one front-end process
    max_queue: Positive = 100_000  # new requests are refused while the queue is longer
    max_ledger_backlog: Positive = 1_000_000
    ledger_retention_days: Positive = 90  # single requests and calls; the sums by the hour stay

    # Processes
    web_processes: Positive = 1
    worker_processes: Positive = 1
    upstream_concurrency: Positive = 256  # upstream calls at once in one worker process

    # Leases
    lease_s: Seconds = 3.0
    heartbeat_s: Seconds = 1.0
    follower_ttl_s: Seconds = 5.0
    redis_timeout_s: Seconds = 2.0
    redis_maxmemory_mb: Positive = 512  # of the private Redis

    # The simulator (used when no upstream is configured, and by `leo simulate`)
    sim_latency_ms: Annotated[float, Meta(ge=0)] = 0.0
    sim_token_ms: Annotated[float, Meta(ge=0)] = 0.0
    sim_error_rate: Share = 0.0
    sim_error_status: Annotated[int, Meta(ge=400, le=599)] = 503
    sim_seed: int = 0

    log_level: str = "INFO"

    # Provider settings, named as the providers' own clients name them
    openai_api_key: str = ""
    openai_base_url: str = ""

    def __repr__(self) -> str:
        """Keys, and addresses that may hold a password, stay out of every log and exception."""
        return f"Settings(home={self.home!r}, port={self.port})"

    @property
    def home_path(self) -> Path:
        return Path(self.home).expanduser().resolve()

    @property
    def redis(self) -> str:
        """Redis for everything but the broker; by default a private one, on a socket under LEO_HOME."""
        if self.redis_url:
            return self.redis_url
        socket = f"{self.home_path}/redis.sock"
        if len(socket) > MAX_SOCKET_PATH:
            raise SettingsError(
                f"LEO_HOME is too deep for a socket ({socket} is longer than {MAX_SOCKET_PATH}): choose a shorter one."
            )
        return f"unix://{socket}"

    @property
    def broker(self) -> str:
        """The Celery broker; by default the same Redis, in a database of its own."""
        return self.broker_url or _broker_on(self.redis)

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home_path}/leo.db"

    @property
    def models_path(self) -> Path:
        return Path(self.models_file).expanduser() if self.models_file else self.home_path / "models.yaml"


UNPREFIXED = {"openai_api_key": "OPENAI_API_KEY", "openai_base_url": "OPENAI_BASE_URL"}


def variable_name(field: str) -> str:
    """The environment variable of a settings field."""
    return UNPREFIXED.get(field, f"LEO_{field.upper()}")


DOTENV = Path(".env")


def environment(environ: Mapping[str, str], dotenv: Path | None = DOTENV) -> dict[str, str]:
    """The environment over the variables of a `.env` file. An empty variable counts as not set."""
    from_file = dotenv_values(dotenv) if dotenv and dotenv.is_file() else {}
    return {name: value for name, value in {**from_file, **environ}.items() if value}


def load_settings(environ: Mapping[str, str], dotenv: Path | None = None) -> Settings:
    """Settings from the environment over a `.env` file.

    Raises SettingsError naming the variable, what was wrong with it, and the nearest known name.
    """
    values = environment(environ, dotenv)
    known = {variable_name(field): field for field in Settings.__struct_fields__}
    for name in values:
        if name.startswith("LEO_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else " `.env.example` lists every setting."
            raise SettingsError(f"{name} is not a setting of LEO Optima.{hint}")
    fields = {known[name]: value for name, value in values.items() if name in known}
    _accept_redis_host(values, fields)
    settings = _convert(fields)
    _check(settings)
    return settings


def _accept_redis_host(values: Mapping[str, str], fields: dict[str, str]) -> None:
    """REDIS_HOST and REDIS_PORT were promised by the original project; LEO_REDIS_URL wins over them."""
    if "redis_url" in fields or "REDIS_HOST" not in values:
        return
    host, port = values["REDIS_HOST"], values.get("REDIS_PORT", "6379")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        # Kubernetes sets it to tcp://ADDRESS:PORT when there is a service called redis.
        raise SettingsError(f"REDIS_PORT must be a port number, not {port!r}. LEO_REDIS_URL says where Redis is, too.")
    fields["redis_url"] = f"redis://[{host}]:{port}/0" if ":" in host else f"redis://{host}:{port}/0"


def _convert(fields: Mapping[str, str]) -> Settings:
    types = {f.name: f.type for f in msgspec.structs.fields(Settings)}
    converted: dict[str, Any] = {}
    for field, text in fields.items():
        try:
            converted[field] = msgspec.convert(_boolean(text) if types[field] is bool else text, types[field], strict=False)
        except msgspec.ValidationError as error:
            secret = field.endswith("_key")
            shown = "" if secret else f" (it is {text!r})"
            raise SettingsError(f"{variable_name(field)} has a value that does not fit{shown}: {error}") from None
    return Settings(**converted)


def _broker_on(redis_url: str) -> str:
    """Database 1 of a Redis (2 where the rest has taken 1), in the words of Celery.

    Celery takes a password only before the host, and of a query only TLS.
    """
    parts = urlsplit(redis_url)
    query = dict(parse_qsl(parts.query))
    place = parts.netloc
    if "@" not in place and "password" in query:
        place = f"{quote(query.get('username', ''), safe='')}:{quote(query['password'], safe='')}@{place}"
    if parts.scheme == "unix":
        return f"redis+socket://{place}{parts.path}?virtual_host={2 if query.get('db') == '1' else 1}"
    tls = {name: value for name, value in query.items() if name.startswith("ssl_")}
    if parts.scheme == "rediss":
        tls.setdefault("ssl_cert_reqs", "required")  # as for all else; Celery's own default is to trust anyone
    return urlunsplit(parts._replace(netloc=place, path="/2" if parts.path == "/1" else "/1", query=urlencode(tls)))


def _boolean(text: str) -> str:
    return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower(), text.lower())


def _check(settings: Settings) -> None:
    if settings.heartbeat_s * 2 > settings.lease_s:
        raise SettingsError("LEO_HEARTBEAT_S must be at most half of LEO_LEASE_S, or a late heartbeat loses a healthy lease.")
    if settings.deadline_s > settings.max_deadline_s:
        raise SettingsError("LEO_DEADLINE_S is longer than LEO_MAX_DEADLINE_S: raise the one or lower the other.")
    if settings.cache_scope not in ("tenant", "user"):
        raise SettingsError(f"LEO_CACHE_SCOPE must be 'tenant' or 'user', not {settings.cache_scope!r}.")
    _check_semantic(settings)
    if settings.secret_key and len(settings.secret_key) < SHORTEST_SECRET:
        raise SettingsError(
            f"LEO_SECRET_KEY must have at least {SHORTEST_SECRET} characters, for example those of `openssl rand -hex 32`."
        )
    if settings.log_level.upper() not in LOG_LEVELS:
        raise SettingsError(f"LEO_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {settings.log_level!r}.")
    if "+cluster" in settings.broker_url:
        raise SettingsError(
            "LEO_BROKER_URL names a Redis Cluster, which Celery cannot use as a broker: give it one Redis, or RabbitMQ."
        )
    if settings.open and settings.api_key:
        raise SettingsError("LEO_OPEN lets everyone in, and LEO_API_KEY says that a key is needed: set only one of them.")


def _check_semantic(settings: Settings) -> None:
    if settings.decomposition not in ("on", "parallel", "off"):
        raise SettingsError(f"LEO_DECOMPOSITION must be 'on', 'parallel' or 'off', not {settings.decomposition!r}.")
    if not 1 <= settings.decomposition_calls <= 8:
        raise SettingsError(f"LEO_DECOMPOSITION_CALLS must be from 1 to 8, not {settings.decomposition_calls}.")
    if settings.prompt_optimization not in ("off", "lossless", "plain", "extractive"):
        raise SettingsError(
            f"LEO_PROMPT_OPTIMIZATION must be 'off', 'lossless', 'plain' or 'extractive', not {settings.prompt_optimization!r}."
        )
    if settings.semantic_sharing not in ("tenant", "key"):
        raise SettingsError(f"LEO_SEMANTIC_SHARING must be 'tenant' or 'key', not {settings.semantic_sharing!r}.")
    if settings.semantic_index not in ("auto", "memory", "pgvector"):
        raise SettingsError(f"LEO_SEMANTIC_INDEX must be 'auto', 'memory' or 'pgvector', not {settings.semantic_index!r}.")
    if settings.semantic_index == "pgvector" and settings.database.startswith("sqlite"):
        raise SettingsError(
            "LEO_SEMANTIC_INDEX=pgvector needs PostgreSQL: set LEO_DATABASE_URL to one, or LEO_SEMANTIC_INDEX to 'auto'."
        )
