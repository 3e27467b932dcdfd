"""Upgrades a machine and waits for the end; plugins/modules/upgrade.py has the documentation."""

from __future__ import annotations

from ansible_collections.onerpm.fleet.plugins.plugin_utils.machine import CODES, PATIENCE, FleetAction, causes, told


class ActionModule(FleetAction):
    spec = PATIENCE

    def work(self, result):
        self.place()
        if self._task.check_mode or self._task.diff:
            ready = self.look(result)
            if ready and result["verdict"] == "ready":
                result["diff"] = self.diff()
            if self._task.check_mode:
                result["changed"] = ready and result["verdict"] == "ready"
                return
        answer = self.ask_long("upgrade", self.args["timeout"])
        end = answer.json
        result.update(exit_code=answer.code, stage=end.get("stage", ""), changed=bool(end.get("changed")))
        said = end.get("answer") or {}
        if end.get("stage") == "check":
            self.save("check", said)
            if self.judge(result, answer, said):
                self.fetch_report(result)  # of the upgrade before, by which the machine is new
            return
        self.save("check", None)
        self.fetch_report(result)
        if answer.code in (0, 6):
            result["agents_pending"] = answer.code == 6
            self.ask("forget")
            return
        # what was refused, not started or could not be done has no report of its own: its answer tells why
        if said.get("outcome") not in (None, "not-started") and result.get("cause"):
            why = [result["cause"], result.get("todo", "")]
        else:
            why = causes(said)
        result.update(failed=True, msg="\n".join([CODES.get(answer.code, "")] + [x for x in why if x]) if why else told(answer))
