"""A table at the end of a run; also when the run was ended by a failure, which a last play would not see."""

from __future__ import annotations

DOCUMENTATION = """
name: summary
type: aggregate
short_description: a table of the machines of a fleet
description:
  - Tells at the end of a run how each machine stands that a module of this collection was used on.
  - Enable it by C(callbacks_enabled = onerpm.fleet.summary) in the section C(defaults) of ansible.cfg.
requirements: []
"""

from ansible.plugins.callback import CallbackBase

COLUMNS = ("MACHINE", "FROM", "TO", "STATE", "WINDOW", "CAUSE")
VERDICTS = {
    "ready": "not upgraded yet", "nothing-to-do": "upgraded before", "refused": "refused", "under-way": "under way", "needs-a-person": "needs a person",
}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "onerpm.fleet.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.rows = {}

    def v2_runner_on_ok(self, result):
        self.note(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.note(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self.note(result, "out of reach")

    def note(self, result, fault=""):
        """Keeps what a machine said last. Underscores were before core 2.19."""
        task, said = getattr(result, "task", None) or result._task, getattr(result, "result", None) or result._result
        host = getattr(result, "host", None) or result._host
        if not task.action.startswith("onerpm.fleet."):
            return
        release = said.get("release") or {}
        state = said.get("outcome") or VERDICTS.get(said.get("verdict")) or fault or "looked at"
        told = said.get("outcome") or said.get("verdict") in ("refused", "under-way", "needs-a-person")
        if fault and not told or fault == "out of reach":
            state = fault
        if said.get("verdict") == "nothing-to-do":
            state = VERDICTS["nothing-to-do"]
        cause = said.get("cause") or (fault and said.get("msg")) or ""
        self.rows[host.get_name()] = (
            host.get_name(), release.get("from", ""), release.get("to", ""), state, said.get("window", ""), " ".join(str(cause).split()),
        )

    def v2_playbook_on_stats(self, stats):
        if not self.rows:
            return
        rows = [COLUMNS] + [self.rows[name] for name in sorted(self.rows)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) - 1)]
        self._display.banner("SUMMARY")
        for row in rows:
            line = "  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[-1][:200]])
            self._display.display(line.rstrip())
