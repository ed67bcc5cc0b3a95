"""Seeded bugs on the road that every host takes: gate, switch, bake, and the way back."""

from tests.rollout.mutant import Mutant

ROAD = (
    Mutant(
        "a host that does not answer frees its place in the batch",
        "advance.py",
        "    if not passed(grace, look.now):\n        return Step(record, wake=grace)\n",
        "    if not passed(grace, look.now):\n        return Step(replace(record, done=True, lost_at=None), wake=grace)\n",
    ),
    Mutant(
        "hosts that are done are not watched any more",
        "forward.py",
        "    return advance(look, plan) if look.count(plan.host) else leave(look, plan)\n",
        "    if look.deployment.record(plan.host).done and look.count(plan.host):\n"
        "        return Step(look.deployment.record(plan.host))\n"
        "    return advance(look, plan) if look.count(plan.host) else leave(look, plan)\n",
    ),
    Mutant(
        "the gate's deadline starts anew with each look",
        "advance.py",
        "    if record.health_by is None or not passed(record.health_by, look.now):\n        return False\n",
        "    if not passed(look.later(patience(look)), look.now):\n        return False\n",
    ),
    Mutant(
        "the bake starts anew with each look",
        "advance.py",
        "    if record.switched_at is None:\n",
        "    if True:\n",
    ),
    Mutant(
        "there is no bake",
        "advance.py",
        "    if passed(record.bake_until, look.now) and well:\n",
        "    if well:\n",
    ),
    Mutant(
        "one good answer passes the gate",
        "health.py",
        "    if record.good < check.rise or record.good_since is None:\n        return False\n",
        "    if record.good < 1:\n        return False\n    if record.good_since is None:\n        return False\n"
        "    return True\n",
    ),
    Mutant(
        "smoke requests are not waited for",
        "health.py",
        "    if check.smoke and not record.smoked:\n        return False\n",
        "",
    ),
    Mutant(
        "users are sent to replicas that have not passed the gate",
        "traffic.py",
        "    if record.admitted_at is not None or record.done:\n",
        "    if look.standing(plan.host):\n",
    ),
    Mutant(
        "a restart by itself counts for nothing",
        "converge.py",
        "    if known is not None and known.started_at != replica.started_at:\n",
        "    if False and known is not None:\n",
    ),
    Mutant(
        "replicas are kept alive before they have proved themselves",
        "advance.py",
        "    missing = converge.bring_up(look, plan)\n    if missing:\n        return _starting(look, step.record, missing)\n",
        "    missing = converge.bring_up(look, plan)\n    if missing:\n        return _starting(look, step.record, missing)\n"
        "    step = replace(step, effects=converge.keep(look, plan))\n    if step.effects and step.record.admitted_at is None:\n"
        "        return step\n",
    ),
    Mutant(
        "requests under way are not waited for",
        "traffic.py",
        "    return has.idle(address) or (not has.running and not has.error)\n",
        "    return True\n",
    ),
    Mutant(
        "old replicas are stopped while a site may still send to them",
        "traffic.py",
        "    return all(_forgotten(look, site, replica.address, late) for site in sites_of(look.deployment, plan))\n",
        "    return True\n",
        ("two hosts", "stop-first"),
    ),
    Mutant(
        "all hosts begin at once",
        "pace.py",
        "    return _spared(look, waiting, max(0, room))\n",
        "    return waiting\n",
    ),
    Mutant(
        "going back asks the registry first",
        "converge.py",
        "    if look.aim.image not in look.host(plan.host).images:\n",
        "    if look.going_back and not look.deployment.record(plan.host).pruned:\n"
        "        return (Pull(plan.host, look.aim.image),)\n"
        "    if look.aim.image not in look.host(plan.host).images:\n",
        ("stop-first",),
    ),
    Mutant(
        "on the way back only the host that failed is restored",
        "restore.py",
        "    steps = [_restore(look, plan, plan.host in may_go) for plan in plans]\n",
        "    plans = [p for p in plans if look.deployment.record(p.host).phase.value == 'failed'] or plans[:1]\n"
        "    steps = [_restore(look, plan, plan.host in may_go) for plan in plans]\n",
    ),
    Mutant(
        "the way back gives up on what is in its way",
        "restore.py",
        "    obstacles = [step for step in steps if step.obstacle and not _given_up(look, step.record)]\n",
        "    obstacles = [step for step in steps if step.obstacle and look.host(step.record.host).reachable and False]\n",
        ("load balancer", "two hosts"),
    ),
    Mutant(
        "a driver that lost its lease goes on",
        "apply.py",
        "    if not ports.leases.extend(lease, LEASE_TTL):\n",
        "    if False:\n",
        ("edge",),
    ),
    Mutant(
        "the site is told before our books",
        "apply.py",
        "        wanted = ports.routes.put(route, lease, drains=place[0].names_drains)\n",
        "        wanted = ports.routes.wanted(effect.site)\n",
    ),
    Mutant(
        "a host is emptied before its load balancer has let it go",
        "departure.py",
        "        leaving = entrance.leave(look, plan, record)\n        if leaving:\n            return leaving\n",
        "",
        ("load balancer",),
    ),
    Mutant(
        "a parked host is not waited for until it is quiet",
        "entrance.py",
        "    if now_is in OUT and (record.parked_at is None or _may_go(look, plan, record)):\n        return None\n",
        "    if record.parked_at is not None or now_is in OUT:\n        return None\n",
        ("load balancer",),
    ),
    Mutant(
        "a parked host is not put back on the way back",
        "turn.py",
        "            parked_at=r.parked_at,\n            joined_at",
        "            joined_at",
        ("load balancer",),
    ),
    Mutant(
        "stop-first takes hosts out while too few others serve",
        "departure.py",
        "        if room > 0 if cost else room >= 0 or _free(look, plan):\n",
        "        if True:\n",
        ("stop-first", "load balancer"),
    ),
    Mutant(
        "a singleton starts while another one runs elsewhere",
        "departure.py",
        "        return _elsewhere(look, plan, record)\n",
        "        return None\n",
        ("move of a singleton",),
    ),
    Mutant(
        "a host is left before the others serve",
        "pace.py",
        "    if first or others_serve(look):\n",
        "    if first or leaving:\n",
        ("move", "fewer"),
    ),
    Mutant(
        "a reboot blames the release",
        "advance.py",
        "    if not record.boot or converge.watch(look, plan, record)[1] is None:\n        return replace(record, boot=boot)\n",
        "    if True:\n        return replace(record, boot=boot)\n",
    ),
    Mutant(
        "images that are needed are pruned",
        "../retention/need.py",
        "    return {releases[number].image: why for number, why in sorted(reasons.items())}\n",
        "    return {}\n",
    ),
)
