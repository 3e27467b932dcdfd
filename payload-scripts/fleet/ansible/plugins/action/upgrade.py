"""Upgrades a machine and waits for the end; plugins/modules/upgrade.py has the documentation."""

from __future__ import annotations

from ansible_collections.onerpm.fleet.plugins.plugin_utils.machine import CODES, PATIENCE, FleetAction, told


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
        report = self.fetch_report(result)
        if answer.code in (0, 6):
            result["agents_pending"] = answer.code == 6
            self.ask("forget")
            return
        # what was refused or not started has no report of its own: its answer tells why
        why = said.get("error") or said.get("why") or "".join(f.get("what", "") for f in said.get("findings") or [])
        end_of_it = CODES.get(answer.code, "") if why else told(answer)
        result.update(failed=True, msg="\n".join(x for x in (end_of_it, why, report.get("todo", "")) if x))
