"""Podium: the control plane of AI work.

Durable workflows in one SQLite file: plain Python functions whose steps survive a crash.
What is heavy (the engine, the database driver, the command line) is imported on first use.
"""

from __future__ import annotations

import importlib

from typing import TYPE_CHECKING, Any

from podium.core.budgets import Budget, Spend
from podium.core.errors import (
    AskNotFound,
    BreakerNotFound,
    BudgetExceeded,
    BudgetNotFound,
    CompensationFailed,
    Deadlocked,
    ErrorInfo,
    ForgottenAwait,
    IdInUse,
    InputInvalid,
    InvalidOption,
    LimitReached,
    LockDeadlock,
    LockNotFound,
    NameTaken,
    Nondeterminism,
    NotDone,
    NotInWorkflow,
    NotKnown,
    OutcomeUnknown,
    PayloadTooLarge,
    PodiumError,
    PriceUnknown,
    Refused,
    ResultUnusable,
    RunBlocked,
    RunCancelled,
    RunEnded,
    RunError,
    RunFailed,
    RunNotFound,
    RunSuspended,
    SecretInvalid,
    SecretMissing,
    StepFailed,
    StepTimedOut,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFenced,
    StoreForeign,
    StoreFull,
    StoreNewer,
    StoreOnNetwork,
    StoreSyncFailed,
    UnknownWorkflow,
    UsageError,
    ValueNotPortable,
)
from podium.core.file import File
from podium.core.piece import Piece
from podium.core.policies import Breaker, Cache, Concurrency, Degraded, LastGood, Rate
from podium.core.retry import Retry, RetryLater, RetryRule
from podium.core.secrets import secret, secret_source
from podium.core.transactions import AsyncTransaction, Transaction
from podium.core.version import VERSION
from podium.functions.budgets import budget
from podium.functions.calls import Call, Task, Workflow
from podium.functions.decorators import task, workflow
from podium.functions.locks import Held, lock
from podium.functions.outcomes import Outcome
from podium.functions.primitives import (
    ask,
    attempt,
    child,
    emit,
    env,
    headers,
    heartbeat,
    idempotency_key,
    last_heartbeat,
    now,
    open_file,
    patched,
    publish,
    random,
    receive,
    restart_with,
    run_id,
    save_file,
    scope,
    send,
    sleep,
    sleep_until,
    spend,
    uuid4,
    warn,
)
from podium.functions.structure import (
    gather,
    map,  # noqa: A004 - the field's word for it
    race,
)

if TYPE_CHECKING:
    from podium import models as models
    from podium import tools as tools
    from podium.agents.agent import Agent
    from podium.agents.compaction import Compaction
    from podium.agents.errors import (
        AgentAnswerInvalid,
        AgentError,
        AgentLimitReached,
        AgentRefused,
        AgentStuck,
    )
    from podium.agents.limits import Limits
    from podium.agents.planning.criteria import Criterion
    from podium.agents.planning.errors import (
        GoalNotMet,
        PlanError,
        PlanFailed,
        PlanInvalid,
        PlanRefused,
    )
    from podium.agents.planning.planner import Planner, carry_out, do, plan
    from podium.agents.planning.values import Achieved, Approval, Plan, PlanLimits
    from podium.agents.sampling.choosing import best_of, self_consistency
    from podium.agents.sampling.report import Chosen, NoSample
    from podium.agents.sampling.tournament import prefers, tournament
    from podium.agents.sampling.tree import tree_search
    from podium.agents.transcript import AgentResult
    from podium.agents.verify import gates as gates
    from podium.agents.verify.gate import verify
    from podium.agents.verify.refusal import ask_person, other_model, other_plan, reflect
    from podium.agents.verify.rounds import Brief, Round
    from podium.agents.verify.verdict import Background, Verdict
    from podium.agents.verify.verified import RefusedByGate, Verification, verification, verified
    from podium.client.app import Podium
    from podium.client.handle import Run
    from podium.client.portal import run
    from podium.flow import Flow, FlowInvalid
    from podium.models.calls import Model
    from podium.models.errors import ModelError
    from podium.tools.approval import ApprovalNeeded, ApprovalRefused, ApprovalTimedOut, ToolRefused
    from podium.tools.dispatch import dispatch, dispatch_all
    from podium.tools.extract import ExtractionFailed, extract
    from podium.tools.files import file_tools
    from podium.tools.from_run import FromRun
    from podium.tools.http import http_tool
    from podium.tools.mail import mail_tool
    from podium.tools.mcp.tools import mcp_description, mcp_tools
    from podium.tools.net_errors import HttpError
    from podium.tools.openapi import openapi_tools
    from podium.tools.policy import ToolPolicy, tool_policy
    from podium.tools.process.errors import (
        CommandFailed,
        CommandNotStarted,
        CommandTimedOut,
        PathRefused,
        SandboxMissing,
    )
    from podium.tools.python import python_tool
    from podium.tools.registry import UnknownTool
    from podium.tools.reply import ArgumentsInvalid, ToolError, ToolReply
    from podium.tools.shell import shell_tool
    from podium.tools.sql.database import Database
    from podium.tools.sql.errors import (
        ConstraintViolated,
        DatabaseError,
        DatabaseUnavailable,
        StatementRefused,
    )
    from podium.tools.sql.receipts import ReceiptLost
    from podium.tools.sql.tools import sql_query_tool, sql_schema_tool, sql_tool
    from podium.tools.tool import Tool, tool
    from podium.tools.webhook import Webhook, WebhookInvalid, verify_webhook, webhook_tool

__version__ = VERSION

_LATE = {
    "Achieved": "podium.agents.planning.values",
    "Agent": "podium.agents.agent",
    "AgentAnswerInvalid": "podium.agents.errors",
    "AgentError": "podium.agents.errors",
    "AgentLimitReached": "podium.agents.errors",
    "AgentRefused": "podium.agents.errors",
    "AgentResult": "podium.agents.transcript",
    "AgentStuck": "podium.agents.errors",
    "Approval": "podium.agents.planning.values",
    "ApprovalNeeded": "podium.tools.approval",
    "ApprovalRefused": "podium.tools.approval",
    "ApprovalTimedOut": "podium.tools.approval",
    "ArgumentsInvalid": "podium.tools.reply",
    "ask_person": "podium.agents.verify.refusal",
    "Background": "podium.agents.verify.verdict",
    "best_of": "podium.agents.sampling.choosing",
    "Brief": "podium.agents.verify.rounds",
    "carry_out": "podium.agents.planning.planner",
    "Chosen": "podium.agents.sampling.report",
    "CommandFailed": "podium.tools.process.errors",
    "CommandNotStarted": "podium.tools.process.errors",
    "CommandTimedOut": "podium.tools.process.errors",
    "Compaction": "podium.agents.compaction",
    "ConstraintViolated": "podium.tools.sql.errors",
    "Criterion": "podium.agents.planning.criteria",
    "Database": "podium.tools.sql.database",
    "DatabaseError": "podium.tools.sql.errors",
    "DatabaseUnavailable": "podium.tools.sql.errors",
    "dispatch": "podium.tools.dispatch",
    "dispatch_all": "podium.tools.dispatch",
    "do": "podium.agents.planning.planner",
    "extract": "podium.tools.extract",
    "ExtractionFailed": "podium.tools.extract",
    "file_tools": "podium.tools.files",
    "Flow": "podium.flow",
    "FlowInvalid": "podium.flow",
    "FromRun": "podium.tools.from_run",
    "GoalNotMet": "podium.agents.planning.errors",
    "http_tool": "podium.tools.http",
    "HttpError": "podium.tools.net_errors",
    "Limits": "podium.agents.limits",
    "mail_tool": "podium.tools.mail",
    "Model": "podium.models.calls",
    "ModelError": "podium.models.errors",
    "NoSample": "podium.agents.sampling.report",
    "mcp_description": "podium.tools.mcp.tools",
    "mcp_tools": "podium.tools.mcp.tools",
    "openapi_tools": "podium.tools.openapi",
    "other_model": "podium.agents.verify.refusal",
    "other_plan": "podium.agents.verify.refusal",
    "PathRefused": "podium.tools.process.errors",
    "plan": "podium.agents.planning.planner",
    "Plan": "podium.agents.planning.values",
    "PlanError": "podium.agents.planning.errors",
    "PlanFailed": "podium.agents.planning.errors",
    "PlanInvalid": "podium.agents.planning.errors",
    "PlanLimits": "podium.agents.planning.values",
    "Planner": "podium.agents.planning.planner",
    "PlanRefused": "podium.agents.planning.errors",
    "Podium": "podium.client.app",
    "prefers": "podium.agents.sampling.tournament",
    "python_tool": "podium.tools.python",
    "ReceiptLost": "podium.tools.sql.receipts",
    "reflect": "podium.agents.verify.refusal",
    "RefusedByGate": "podium.agents.verify.verified",
    "Round": "podium.agents.verify.rounds",
    "Run": "podium.client.handle",
    "run": "podium.client.portal",
    "SandboxMissing": "podium.tools.process.errors",
    "self_consistency": "podium.agents.sampling.choosing",
    "shell_tool": "podium.tools.shell",
    "sql_query_tool": "podium.tools.sql.tools",
    "sql_schema_tool": "podium.tools.sql.tools",
    "sql_tool": "podium.tools.sql.tools",
    "StatementRefused": "podium.tools.sql.errors",
    "Tool": "podium.tools.tool",
    "tool": "podium.tools.tool",
    "tool_policy": "podium.tools.policy",
    "ToolError": "podium.tools.reply",
    "ToolPolicy": "podium.tools.policy",
    "ToolRefused": "podium.tools.approval",
    "ToolReply": "podium.tools.reply",
    "tournament": "podium.agents.sampling.tournament",
    "tree_search": "podium.agents.sampling.tree",
    "UnknownTool": "podium.tools.registry",
    "Verdict": "podium.agents.verify.verdict",
    "Verification": "podium.agents.verify.verified",
    "verification": "podium.agents.verify.verified",
    "verified": "podium.agents.verify.verified",
    "verify": "podium.agents.verify.gate",
    "verify_webhook": "podium.tools.webhook",
    "Webhook": "podium.tools.webhook",
    "webhook_tool": "podium.tools.webhook",
    "WebhookInvalid": "podium.tools.webhook",
}

__all__ = [
    "Achieved", "Agent", "AgentAnswerInvalid", "AgentError", "AgentLimitReached", "AgentRefused",
    "AgentResult", "AgentStuck", "Approval", "ApprovalNeeded", "ApprovalRefused",
    "ApprovalTimedOut", "ArgumentsInvalid", "AskNotFound", "AsyncTransaction", "Background",
    "Breaker", "BreakerNotFound", "Brief", "Budget", "BudgetExceeded", "BudgetNotFound", "Cache",
    "Call", "Chosen", "CommandFailed", "CommandNotStarted", "CommandTimedOut", "Compaction",
    "CompensationFailed", "Concurrency", "ConstraintViolated", "Criterion", "Database",
    "DatabaseError", "DatabaseUnavailable", "Deadlocked", "Degraded", "ErrorInfo",
    "ExtractionFailed", "File", "Flow", "FlowInvalid", "ForgottenAwait", "FromRun", "GoalNotMet",
    "Held", "HttpError", "IdInUse", "InputInvalid", "InvalidOption", "LastGood", "LimitReached",
    "Limits", "LockDeadlock", "LockNotFound", "Model", "ModelError", "NameTaken", "NoSample",
    "Nondeterminism", "NotDone", "NotInWorkflow", "NotKnown", "Outcome", "OutcomeUnknown",
    "PathRefused", "PayloadTooLarge", "Piece", "Plan", "PlanError", "PlanFailed", "PlanInvalid",
    "PlanLimits", "PlanRefused", "Planner", "Podium", "PodiumError", "PriceUnknown", "Rate",
    "ReceiptLost", "Refused", "RefusedByGate", "ResultUnusable", "Retry", "RetryLater", "RetryRule",
    "Round", "Run", "RunBlocked", "RunCancelled", "RunEnded", "RunError", "RunFailed",
    "RunNotFound", "RunSuspended", "SandboxMissing", "SecretInvalid", "SecretMissing", "Spend",
    "StatementRefused", "StepFailed", "StepTimedOut", "StoreBusy", "StoreCorrupt", "StoreError",
    "StoreFenced", "StoreForeign", "StoreFull", "StoreNewer", "StoreOnNetwork", "StoreSyncFailed",
    "Task", "Tool", "ToolError", "ToolPolicy", "ToolRefused", "ToolReply", "Transaction",
    "UnknownTool", "UnknownWorkflow", "UsageError", "ValueNotPortable", "Verdict", "Verification",
    "Webhook", "WebhookInvalid", "Workflow", "__version__", "ask", "ask_person", "attempt",
    "best_of", "budget", "carry_out", "child", "dispatch", "dispatch_all", "do", "emit", "env",
    "extract", "file_tools", "gather", "headers", "heartbeat", "http_tool", "idempotency_key",
    "last_heartbeat", "lock", "mail_tool", "map", "mcp_description", "mcp_tools", "now",
    "open_file", "openapi_tools", "other_model", "other_plan", "patched", "plan", "prefers",
    "publish", "python_tool", "race", "random", "receive", "reflect", "restart_with", "run",
    "run_id", "save_file", "scope", "secret", "secret_source", "self_consistency", "send",
    "shell_tool", "sleep", "sleep_until", "spend", "sql_query_tool", "sql_schema_tool", "sql_tool",
    "task", "tool", "tool_policy", "tournament", "tree_search", "uuid4", "verification", "verified",
    "verify", "verify_webhook", "warn", "webhook_tool", "workflow",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is heavy when it is first asked for."""
    if name == "gates":
        return importlib.import_module("podium.agents.verify.gates")
    if name in ("models", "tools"):
        return importlib.import_module(f"podium.{name}")
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module 'podium' has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
