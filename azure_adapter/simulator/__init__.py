"""A local Microsoft identity platform and Microsoft Graph: for the demo, tests and benchmarks.

One ASGI application plays ``login.microsoftonline.com`` and ``graph.microsoft.com`` over plain
HTTP on loopback, from Microsoft's public documentation. It knows nothing of the production code
and the production code knows nothing of it: the two meet only in HTTP.

* ``Directory`` is the pretended Entra tenant, ``generate`` fills it, ``churn`` changes it.
* ``create_app`` is the application, ``SimulatorServer`` and ``serve`` run it; its
  ``state.simulator`` is the ``Simulator``: settings, faults, tokens, the trace.
* ``FaultPlan.random`` and ``Simulator.vary`` make it misbehave by seed.
* ``save`` and ``load_app`` keep its state in a file.
"""

from azure_adapter.simulator.app import create_app, load_app
from azure_adapter.simulator.changes import ChangeReport, apply_changes, churn
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults import EFFECTS, HEALING, Fault, FaultPlan
from azure_adapter.simulator.generator import GeneratorOptions, generate
from azure_adapter.simulator.registrations import Installation, Registration, Secret
from azure_adapter.simulator.saving import StateError, save
from azure_adapter.simulator.server import SimulatorServer, serve
from azure_adapter.simulator.settings import VARIATIONS, Settings, random_variations
from azure_adapter.simulator.state import RecordedRequest, Refusal, Simulator

__all__ = [
    "EFFECTS",
    "HEALING",
    "VARIATIONS",
    "ChangeReport",
    "Directory",
    "Fault",
    "FaultPlan",
    "GeneratorOptions",
    "Installation",
    "RecordedRequest",
    "Refusal",
    "Registration",
    "Secret",
    "Settings",
    "Simulator",
    "SimulatorServer",
    "StateError",
    "apply_changes",
    "churn",
    "create_app",
    "generate",
    "load_app",
    "random_variations",
    "save",
    "serve",
]
