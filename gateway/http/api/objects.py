"""Mappings, single objects, explanations, choices, and health."""

from contextlib import nullcontext
from importlib.metadata import version

from azure_adapter.mapping import SchemaError, import_schema, table_from_json, table_to_json
from azure_adapter.sync.explain import PastDecision
from gateway.http.api import answers, models
from gateway.http.api.asking import edit_of, save_or_ask
from gateway.http.api.endpoints import Call, Endpoint
from gateway.http.api.problems import Problem
from gateway.syncs.choices import enable_joined, resolve, withdraw
from gateway.syncs.stored import stored
from gateway.work.describing import iso
from gateway.work.looking import explained, try_mapping
from storage.access.api_tokens import Role


async def read_mapping(call: Call) -> models.JsonObject:
    """Read a mapping."""
    sync = await call.sync()
    return models.JsonObject(value=stored(sync, call.gateway.custom_targets)["mapping"])


async def replace_mapping(call: Call) -> answers.Saved:
    """Replace a mapping."""
    edit = edit_of(call, {"mapping": call.body.value})
    return await save_or_ask(call, await call.sync(), edit)


async def import_mapping(call: Call) -> answers.ImportedMapping:
    """Import a mapping."""
    await call.sync()
    try:
        found = import_schema(call.body.value, call.gateway.custom_targets)
    except SchemaError as error:
        raise Problem(422, "invalid", str(error)) from None
    left_out = [
        {"where": each.where, "target": each.target, "source": each.source, "reason": each.reason}
        for each in found.left_out
    ]
    return answers.ImportedMapping(
        mapping=table_to_json(found.table), left_out=left_out, changed=list(found.changed)
    )


async def test_mapping(call: Call) -> answers.TestedObject:
    """Test a mapping."""
    sync, body = await call.sync(), call.body
    custom = call.gateway.custom_targets
    table = None if body.mapping is None else table_from_json(body.mapping, custom)
    found = await try_mapping(call.gateway, sync, body.kind, body.identifier, table)
    rows = [
        answers.TestedRow(
            row=each.number,
            target=each.row.target,
            source=str(each.row.source),
            outcome=each.outcome.value,
            sources=dict(each.sources),
            result=each.result,
            notes=list(each.notes),
            error=each.error,
            shown=each.shown,
        )
        for each in found.rows
    ]
    return answers.TestedObject(kind=found.kind.value, source_id=found.source_id, rows=rows)


async def provision_on_demand(call: Call) -> answers.OnDemandAnswer:
    """Provision one object."""
    sync, body, gateway = await call.sync(), call.body, call.gateway
    with gateway.queue.turn(sync.id) if body.apply else nullcontext():
        report = await gateway.control.on_demand(
            sync.id, body.kind, body.identifier, apply=body.apply, actor=call.actor
        )
    steps = [
        answers.StepAnswer(
            name=step.name.value,
            status=step.status.value,
            input=dict(step.input),
            output=dict(step.output),
            reason=step.reason,
            advice=step.advice,
        )
        for step in report.steps
    ]
    return answers.OnDemandAnswer(
        kind=report.kind.value,
        identifier=report.identifier,
        source_id=report.source_id,
        label=report.label,
        applied=report.applied,
        run=report.run_id,
        resource_id=report.resource_id,
        ok=report.ok,
        steps=steps,
    )


async def explain(call: Call) -> answers.ExplanationAnswer:
    """Explain a person or group."""
    found = await explained(call.gateway, call.token.workspace, call.query.who)
    standings = [
        answers.StandingAnswer(
            sync=each.sync_id,
            sync_name=each.sync_name,
            source_id=each.source_id,
            resource_id=each.resource_id,
            kind=each.kind.value,
            sentences=list(each.sentences),
        )
        for each in found.standings
    ]
    decisions = [_decision(each) for each in found.decisions]
    return answers.ExplanationAnswer(standings=standings, decisions=decisions)


def _decision(each: PastDecision) -> answers.DecisionAnswer:
    return answers.DecisionAnswer(
        sync=each.sync_id,
        sync_name=each.sync_name,
        run=each.run_id,
        mode=each.mode.value,
        trigger=each.trigger,
        actor=each.actor,
        preview=each.preview,
        at=str(iso(each.at)),
        seq=each.seq,
        action=each.action.value,
        kind=each.kind.value,
        source_id=each.source_id,
        resource_id=each.resource_id,
        label=each.label,
        before=None if each.before is None else dict(each.before),
        after=None if each.after is None else dict(each.after),
        status=each.status.value,
        code=each.code,
        message=each.message,
        advice=each.advice,
        decided_by=each.decided_by,
    )


async def choose(call: Call) -> answers.ResolutionAnswer:
    """Choose for an object."""
    sync, body = await call.sync(), call.body
    made = await resolve(
        call.gateway,
        sync.id,
        call.path["object"],
        body.choice,
        body.resource_id,
        actor=call.actor,
    )
    return answers.ResolutionAnswer(
        source_id=made.source_id,
        choice=made.choice.value,
        resource_id=made.resource_id,
        decided_by=made.decided_by,
    )


async def withdraw_choice(call: Call) -> answers.Done:
    """Withdraw a choice."""
    sync = await call.sync()
    done = await withdraw(call.gateway, sync.id, call.path["object"], actor=call.actor)
    return answers.Done(done=done)


async def enable_object(call: Call) -> answers.Done:
    """Enable a joined user."""
    sync = await call.sync()
    done = await enable_joined(call.gateway, sync.id, call.path["object"], actor=call.actor)
    return answers.Done(done=done)


async def health(call: Call) -> answers.Health:
    """Tell how it is."""
    gateway, workspace = call.gateway, call.token.workspace
    state = await gateway.queue.store.state(workspace)
    rows = await gateway.database.session.rows(
        "SELECT state, COUNT(*) AS number FROM user_sync WHERE workspace_id = ? GROUP BY state",
        (workspace,),
    )
    return answers.Health(
        status="ok",
        version=version("ezto-gateway"),
        role=call.token.role.value,
        user_syncs={row["state"]: row["number"] for row in rows},
        queued=state.queued,
        taken=state.taken,
        waiting_since=iso(state.waiting_since),
    )


ONE = "/user-syncs/{sync}"
OBJECT = f"{ONE}/objects/{{object}}"

ENDPOINTS = (
    Endpoint(
        "GET",
        f"{ONE}/mapping",
        read_mapping,
        Role.auditor,
        "Read the attribute mapping.",
        models.JsonObject,
    ),
    Endpoint(
        "PUT",
        f"{ONE}/mapping",
        replace_mapping,
        Role.user_manager,
        "Replace the attribute mapping; of a user sync that has run, its preview is queued.",
        answers.Saved,
        body=models.JsonObject,
    ),
    Endpoint(
        "POST",
        f"{ONE}/mapping/import",
        import_mapping,
        Role.user_manager,
        "Make a mapping of a schema that was exported from Entra; nothing is saved.",
        answers.ImportedMapping,
        body=models.JsonObject,
    ),
    Endpoint(
        "POST",
        f"{ONE}/mapping/test",
        test_mapping,
        Role.user_manager,
        "Show row by row what a mapping does with one real object; nothing is changed.",
        answers.TestedObject,
        body=models.MappingTest,
    ),
    Endpoint(
        "POST",
        f"{ONE}/on-demand",
        provision_on_demand,
        Role.user_manager,
        "Provision one person or group, or show what that would do, in five steps.",
        answers.OnDemandAnswer,
        body=models.OnDemandBody,
    ),
    Endpoint(
        "PUT",
        f"{OBJECT}/choice",
        choose,
        Role.user_manager,
        "Choose what becomes of an object that cannot be matched without a person.",
        answers.ResolutionAnswer,
        body=models.ChoiceBody,
    ),
    Endpoint(
        "DELETE",
        f"{OBJECT}/choice",
        withdraw_choice,
        Role.user_manager,
        "Forget what was chosen for an object.",
        answers.Done,
    ),
    Endpoint(
        "POST",
        f"{OBJECT}/enable",
        enable_object,
        Role.user_manager,
        "Let Azure decide again about a user who was disabled when the sync joined it.",
        answers.Done,
    ),
    Endpoint(
        "GET",
        "/explain",
        explain,
        Role.auditor,
        "Tell why a person or group is in its state: where it stands, and every past decision.",
        answers.ExplanationAnswer,
        query=models.ExplainQuery,
    ),
    Endpoint(
        "GET",
        "/health",
        health,
        Role.auditor,
        "Tell how the gateway is: version, states of the user syncs, length of the queue.",
        answers.Health,
    ),
)
