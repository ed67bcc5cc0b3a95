"""How a state looks: a tone, a glyph and a word, so that colour is never the only sign."""

from dataclasses import dataclass

from pipeline.delivery.run import RunStatus, StageStatus
from pipeline.rollout.deployment import HostPhase, Status


@dataclass(frozen=True)
class Mark:
    tone: str  # good, busy, warn, bad, idle: a class of the stylesheet
    glyph: str
    word: str  # a key of the catalogue


GOOD, BUSY, WARN, BAD, IDLE = ("good", "✓"), ("busy", "◔"), ("warn", "!"), ("bad", "✕"), ("idle", "–")

LOOKS: dict[str, tuple[str, str]] = {
    RunStatus.QUEUED: ("idle", "…"),
    RunStatus.RUNNING: BUSY,
    RunStatus.SUCCEEDED: GOOD,
    RunStatus.FAILED: BAD,
    RunStatus.CANCELLED: IDLE,
    RunStatus.SUPERSEDED: ("idle", "»"),
    StageStatus.PENDING: ("idle", "·"),
    StageStatus.SKIPPED: IDLE,
    Status.PREPARING: BUSY,
    Status.ROLLING: BUSY,
    Status.PAUSED: ("warn", "‖"),
    Status.AWAITING_PROMOTION: ("warn", "?"),
    Status.ROLLING_BACK: ("warn", "↶"),
    Status.ROLLED_BACK: ("bad", "↶"),
    HostPhase.WAITING: ("idle", "·"),
    HostPhase.DONE: GOOD,
    HostPhase.RESTORED: ("warn", "↶"),
    HostPhase.RESTORING: ("warn", "↶"),
    "awaiting approval": ("warn", "?"),
    "held": ("warn", "‖"),
    "healthy": GOOD,
    "degraded": WARN,
    "down": BAD,
    "unknown": ("warn", "?"),
    "not deployed": ("idle", "○"),
    "reachable": GOOD,
    "silent": BAD,
    "drained": ("warn", "‖"),
    "unused": IDLE,
    "wished": ("idle", "…"),
    "launching": BUSY,
    "joining": BUSY,
    "ready": GOOD,
    "leaving": ("warn", "»"),
    "canary": ("busy", "◇"),
    "starting": BUSY,
    "serving": GOOD,
    "failing": BAD,
    "parked": ("warn", "‖"),
    "out": BAD,
    "idle": IDLE,
    "absent": IDLE,
    "accepted": GOOD,
    "ignored": IDLE,
    **{
        phase: BUSY
        for phase in HostPhase
        if phase not in {"waiting", "done", "skipped", "failed", "restoring", "restored"}
    },
}
WORDS = sorted({str(word).replace("_", " ") for word in LOOKS})


def mark_of(state: str) -> Mark:
    tone, glyph = LOOKS.get(state, IDLE)
    return Mark(tone, glyph, str(state).replace("_", " "))
