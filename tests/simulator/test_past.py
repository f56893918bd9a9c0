"""Looking back: a replica that lags shows exactly what was."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.simulator import Directory, GeneratorOptions, churn, generate
from azure_adapter.simulator.past import as_of
from tests.simulator.test_delta_property import change_groups


def picture(directory: Directory) -> Any:
    return [
        (one.id, one.attrs, one.manager, one.deleted, one.members)
        for kind in directory.kinds()
        for one in (directory.get(object_id) for object_id in directory.ids_of(kind))
        if one is not None
    ], {key: list(directory.ids_of(key)) for key in directory.kinds()}


def frozen(directory: Directory) -> Any:
    entries, order = picture(directory)
    kept = [
        (a, dict(attrs), manager, deleted, list(members.items()) if members else [])
        for a, attrs, manager, deleted, members in entries
    ]
    return kept, order


@settings(max_examples=60, deadline=None, database=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    tells=st.booleans(),
    soft=st.booleans(),
)
def test_every_earlier_state_comes_back(
    seed: int, steps: list[int], tells: bool, soft: bool
) -> None:
    directory = generate(Directory(seed=seed), GeneratorOptions(users=12, groups=6, memberships=4))
    directory.purge_tells_groups, directory.soft_delete_tells_groups = tells, soft
    rng = random.Random(seed)
    states = [(directory.position, frozen(directory), directory.counts())]
    for step in steps:
        if step < 7:
            churn(directory, rng, step)
        else:
            change_groups(directory, rng)
        states.append((directory.position, frozen(directory), directory.counts()))
    now = frozen(directory)
    for position, state, counts in states:
        then = as_of(directory, position)
        assert frozen(then) == state
        assert then.counts() == counts
        assert then.position == position
    assert frozen(directory) == now
