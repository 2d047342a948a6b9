"""What a run would do with each stage, and why: the flag --explain of every launcher."""

from . import classifier, data, evaluate, gan, report, synth
from .study import Launch

STAGES = (data, gan, synth, classifier, evaluate, report)


def explain(this: Launch) -> None:
    """Prints a line for each stage; nothing is computed or written."""
    works = {work.name: work for work in (module.work(this) for module in STAGES)}
    plans = this.study.plans({name: work.source for name, work in works.items()})
    for plan in plans:
        where = ""
        if plan.action == "continue":
            path = this.study.path(plan.stage)
            where = works[plan.stage].progress(path)
        print(plan.sentence(where))
