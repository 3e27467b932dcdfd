"""Looks whether a machine can be upgraded; plugins/modules/check.py has the documentation."""

from __future__ import annotations

from ansible_collections.onerpm.fleet.plugins.plugin_utils.machine import PATIENCE, FleetAction, told


class ActionModule(FleetAction):
    spec = dict(PATIENCE, rehearse={"type": "bool", "default": False}, warnings_fail={"type": "bool", "default": False})

    def work(self, result):
        self.place()
        if not self.look(result):
            return
        warnings = ["%s (%s)" % (f.get("what"), f.get("id")) for f in result["findings"] if f.get("level") == "warn"]
        if warnings and self.args["warnings_fail"]:
            result.update(failed=True, msg="\n".join(warnings))
            return
        if self.args["rehearse"] and result["verdict"] == "ready":
            self.rehearse(result)

    def rehearse(self, result):
        answer = self.ask_long("rehearse", self.args["timeout"])
        result.update(exit_code=answer.code, rehearsal=answer.json)
        self.save("rehearsal", answer.json)
        if answer.code != 0:
            result.update(failed=True, msg="the rehearsal: " + told(answer))
