"""The sync engine: read, plan, check, apply, report.

Planner and safeguards are pure; the engine speaks to the source, the stores and the target
through the ports of `scim.provisioning` only.
"""
